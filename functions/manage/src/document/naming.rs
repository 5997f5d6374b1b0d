//! Holds the names of the document to one grammar: generators make their methods and arguments of
//! them, so a name that breaks it would stay in every client.

use std::collections::{BTreeMap, BTreeSet};

use super::tests::{has, operations, parameters, whole};

/// The verbs of every resource.
const VERBS: [&str; 6] = ["list", "get", "create", "upsert", "update", "delete"];
/// What an operation does that is no CRUD: a new one is a decision.
const OWN_VERBS: [&str; 17] = [
    "cancel",
    "deleteAll",
    "endPreviousSecrets",
    "eraseData",
    "estimate",
    "exchange",
    "explain",
    "explainDraft",
    "publish",
    "publishBatch",
    "redrive",
    "retry",
    "retryFailed",
    "rotateSecret",
    "set",
    "test",
    "testFilter",
];
/// Resources of which there is one.
const SINGLE: [&str; 5] = ["backlog", "health", "me", "openapi", "stats"];

fn is_camel_case(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[test]
fn every_operation_is_named_by_its_resource_and_its_verb() {
    let document = whole();
    let mut names = BTreeSet::new();
    let mut tags: BTreeMap<&str, &str> = BTreeMap::new();
    for (_, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} twice");
        let (resource, verb) = name.split_once('.').unwrap();
        assert!(is_camel_case(resource) && is_camel_case(verb), "{name}");
        assert!(
            resource.ends_with('s') || SINGLE.contains(&resource),
            "{name}"
        );
        assert!(VERBS.contains(&verb) || OWN_VERBS.contains(&verb), "{name}");
        match verb {
            "list" | "get" | "explain" => assert_eq!(method, "get", "{name}"),
            "upsert" | "set" => assert_eq!(method, "put", "{name}"),
            "update" => assert_eq!(method, "patch", "{name}"),
            "delete" => assert_eq!(method, "delete", "{name}"),
            _ => assert!(method == "post" || method == "delete", "{name}"),
        }
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(is_camel_case(tag), "{tag}");
        assert_eq!(*tags.entry(resource).or_insert(tag), tag, "{name}");
    }
}

#[test]
fn a_path_parameter_is_named_like_the_member_that_holds_it() {
    let document = whole();
    let schemas = &document["components"]["schemas"];
    let mut read = 0;
    for (path, _, operation) in operations(&document) {
        for name in parameters(operation, "path") {
            let at = name.rfind(|c: char| c.is_ascii_uppercase()).unwrap();
            let (schema, member) = name.split_at(at);
            let schema = schema[..1].to_ascii_uppercase() + &schema[1..];
            let member = member.to_ascii_lowercase();
            let is_there = has(&document, &schemas[&schema], &[&member]);
            assert!(is_there, "{name} of {path}: no {schema}.{member}");
            read += 1;
        }
    }
    assert!(read > 40, "{read}");
}
