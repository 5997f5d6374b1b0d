//! Holds the schemas of the document to what generated clients need.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::shape::{answers, bodies, named_by};
use super::tests::{operations, walk, whole};

#[test]
fn every_object_has_a_name_and_no_schema_chooses_between_objects() {
    let document = whole();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(
            !name.contains('_') && !name.starts_with("Test") && !name.ends_with("Request")
                || name == "SentRequest",
            "{name}"
        );
        // A thing that can be read and more of it is the one use of `allOf`.
        let parts: Vec<&Value> = match schema["allOf"].as_array() {
            Some(parts) => {
                let [read, more] = parts.as_slice() else {
                    panic!("{name}")
                };
                assert!(read["$ref"].is_string(), "{name}");
                vec![more]
            }
            None => vec![schema],
        };
        for part in parts {
            for (member, schema) in part["properties"].as_object().into_iter().flatten() {
                walk(schema, &mut |keyword, _| {
                    let inline = ["properties", "oneOf", "anyOf", "allOf"];
                    let is_null = keyword == "oneOf" && is_null_or_one(schema);
                    assert!(!inline.contains(&keyword) || is_null, "{name}.{member}");
                });
            }
        }
    }
    for (path, method, operation) in operations(&document) {
        for (_, answer) in operation["responses"].as_object().unwrap() {
            for (kind, content) in answer["content"].as_object().into_iter().flatten() {
                let schema = &content["schema"];
                let is_document = path == "/openapi.json";
                assert!(schema["$ref"].is_string() || is_document, "{method} {path}");
                assert!(kind.ends_with("json"), "{method} {path}");
            }
        }
    }
}

fn is_null_or_one(schema: &Value) -> bool {
    let is_pair =
        |choices: &Vec<Value>| choices.len() == 2 && choices.contains(&json!({"type": "null"}));
    schema["oneOf"].as_array().is_some_and(is_pair)
}

/// The names of the members that may be null.
fn nulls(schema: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    walk(schema, &mut |keyword, value| {
        if keyword == "properties" {
            for (member, schema) in value.as_object().unwrap() {
                let choices = [&schema["type"], &schema["oneOf"]];
                let choices = choices.iter().filter_map(|choices| choices.as_array());
                if choices
                    .flatten()
                    .any(|one| *one == "null" || *one == json!({"type": "null"}))
                {
                    found.push(member.as_str());
                }
            }
        }
    });
    found
}

#[test]
fn null_has_a_meaning_in_a_merge_patch_and_nowhere_else() {
    let document = whole();
    let patches = named_by(&document, &bodies(&document, true));
    let mut others = named_by(&document, &bodies(&document, false));
    others.extend(named_by(&document, &answers(&document)));
    let received = named_by(&document, &document["webhooks"]);
    let parameters = named_by(&document, &document["paths"]);
    let mut in_patches = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let nulls = nulls(schema);
        if others.contains(name) {
            assert_eq!(nulls, Vec::<&str>::new(), "{name}");
        } else if patches.contains(name) {
            in_patches += nulls.len();
        }
        let is_used = [&patches, &others, &received, &parameters]
            .iter()
            .any(|names| names.contains(name));
        assert!(is_used, "{name} is used by nothing");
    }
    assert!(in_patches > 5, "{in_patches}");
}

#[test]
fn answers_are_open_and_requests_are_closed() {
    let document = whole();
    let schemas = &document["components"]["schemas"];
    let answered = named_by(&document, &answers(&document));
    let mut asked = named_by(&document, &bodies(&document, true));
    asked.extend(named_by(&document, &bodies(&document, false)));
    let mut open = 0;
    for name in &answered {
        walk(&json!({"": schemas[name]}), &mut |keyword, value| {
            assert_ne!(keyword, "enum", "{name}");
            assert!(
                keyword != "additionalProperties" || *value != false,
                "{name}"
            );
            assert!(
                keyword != "format" || value == "date-time",
                "{name}: {value}"
            );
            open += usize::from(keyword == "x-extensible-enum");
        });
        let schema = &schemas[name];
        if schema["type"] == "string" {
            assert!(schema["pattern"].is_null(), "{name}");
        }
        let list = &schema["x-extensible-enum"];
        if list.is_array() {
            let told = schema["description"].as_str().unwrap();
            assert!(told.contains("Extensible enum: "), "{name}");
            assert_eq!(*list, schema["examples"], "{name}");
        }
    }
    assert!(open > 8, "{open}");
    let closed: BTreeSet<_> = asked.difference(&answered).collect();
    for name in closed {
        if schemas[name]["type"] == "object" {
            assert_eq!(schemas[name]["additionalProperties"], false, "{name}");
        }
    }
}

#[test]
fn every_body_is_asked_for() {
    let document = whole();
    let mut bodies = 0;
    for (path, method, operation) in operations(&document) {
        let body = &operation["requestBody"];
        if body.is_object() {
            bodies += 1;
            assert_eq!(body["required"], true, "{method} {path}");
        }
    }
    assert!(bodies > 10, "{bodies}");
}

#[test]
fn every_operation_says_for_machines_who_may_call_it_and_with_which_codes_it_fails() {
    let document = whole();
    let scopes: BTreeSet<_> = domain::api_key::Scope::ALL
        .map(|scope| scope.as_str())
        .into();
    let mut used = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        let security = &operation["security"][0];
        match operation["x-postel-principal"].as_str().unwrap() {
            "none" => assert_eq!(*security, json!({}), "{at}"),
            "any" => assert_eq!(*security, json!({"bearer": []}), "{at}"),
            "operator" => assert_eq!(*security, json!({"bearer": ["operator"]}), "{at}"),
            "tenant" => {
                let scope = security["bearer"][0].as_str().unwrap();
                assert!(scopes.contains(scope), "{at}: {scope}");
                assert!(path.starts_with("/v1/tenants/{tenantId}/"), "{at}");
                used.insert(scope.to_owned());
            }
            other => panic!("{at}: {other}"),
        }
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let shared = answer["$ref"]
                .as_str()
                .map(|to| document.pointer(&to[1..]).unwrap());
            let codes = &shared.unwrap_or(answer)["x-postel-codes"];
            assert_eq!(codes.is_array(), status.as_str() >= "400", "{at} {status}");
        }
    }
    assert_eq!(used.len(), scopes.len());
}

#[test]
fn every_request_and_every_success_has_an_example() {
    let document = whole();
    let mut examples = 0;
    for (path, method, operation) in operations(&document) {
        if path == "/openapi.json" {
            continue;
        }
        let answers = operation["responses"].as_object().unwrap().iter();
        let told = answers.filter(|(status, _)| status.starts_with('2'));
        let contents = told.map(|(_, answer)| &answer["content"]);
        for content in contents.chain([&operation["requestBody"]["content"]]) {
            for (kind, content) in content.as_object().into_iter().flatten() {
                assert!(content["examples"].is_object(), "{method} {path} {kind}");
                examples += 1;
            }
        }
    }
    assert!(examples > 50, "{examples}");
}
