//! Holds routes, document and codes together.

use std::collections::{BTreeMap, BTreeSet};

use api::problem::{FAULT_CODES, status};
use api::publishing;
use domain::rejection::Code;
use serde_json::Value;

use super::JSON;
use super::generated::document;
use super::links::LINK_SOURCES;
use crate::events::explain;
use crate::{dead_letters, deliveries, events, operations, stats, webhooks};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/openapi.json");

/// Two spaces a level. Paths, schemas and members are sorted by name, so that a diff shows what
/// changed and nothing else.
fn pretty() -> String {
    serde_json::to_string_pretty(&document()).unwrap() + "\n"
}

#[test]
fn the_committed_document_is_the_one_of_the_code() {
    let generated = pretty();
    let mut lines = JSON.lines().zip(generated.lines()).enumerate();
    if let Some((at, (file, code))) = lines.find(|(_, (file, code))| file != code) {
        panic!(
            "functions/api/openapi.json differs from the code: run make openapi\nline {}\n  file: {}\n  code: {}",
            at + 1,
            file.trim(),
            code.trim()
        );
    }
    assert!(
        JSON == generated,
        "functions/api/openapi.json differs from the code at its end: run make openapi"
    );
}

#[test]
#[ignore = "it writes the file: make openapi"]
fn write_the_document() {
    std::fs::write(FILE, pretty()).unwrap();
}

pub(super) fn whole() -> Value {
    document()
}

/// Every operation with its path and method.
pub(super) fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let mut routed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, methods, _) in operations::route_table() {
        let methods = methods
            .iter()
            .map(|method| serde_json::to_value(method).unwrap());
        let methods = methods.map(|method| method.as_str().unwrap().to_owned());
        routed.entry(path).or_default().extend(methods);
    }
    for path in [publishing::EVENTS, publishing::BATCHES] {
        routed
            .entry(path.to_owned())
            .or_default()
            .insert("post".to_owned());
    }
    let document = whole();
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, method, _) in operations(&document) {
        told.entry(path.to_owned())
            .or_default()
            .insert(method.to_owned());
    }
    assert_eq!(told, routed);
    // Two routes of one place would make axum panic.
    let _ = operations::routes();
}

#[test]
fn an_operation_reads_its_query_exactly_if_the_document_has_parameters_of_it() {
    let document = whole();
    let told = operations(&document);
    for (path, methods, query) in operations::route_table() {
        let method = serde_json::to_value(&methods[0]).unwrap();
        let found = told
            .iter()
            .find(|(at, how, _)| *at == path && *how == method.as_str().unwrap());
        let has_parameters = parameters(found.unwrap().2, "query").next().is_some();
        assert_eq!(query == "read", has_parameters, "{method} {path}");
        assert_eq!(query == "ignored", !path.starts_with("/v1/"), "{path}");
    }
}

/// The way into a session: what it takes is in the place of a key.
const WITHOUT_KEY: &str = "/v1/sessions/exchange";

#[test]
fn every_operation_says_what_it_is_who_may_call_it_and_what_may_go_wrong() {
    let document = whole();
    let tags: BTreeSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{at}");
        assert!(operation["description"].is_string(), "{at}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{at}");
        assert!(
            tags.contains(operation["tags"][0].as_str().unwrap()),
            "{at}"
        );
        let is_open = operation["security"] == serde_json::json!([{}]);
        let is_service = !path.starts_with("/v1/");
        assert_eq!(is_open, is_service || path == WITHOUT_KEY, "{at}");
        let answers = operation["responses"].as_object().unwrap();
        let needed: &[&str] = match is_open {
            true => &["429", "500", "503"],
            false => &["401", "429", "500", "503"],
        };
        assert!(
            needed.iter().all(|status| answers.contains_key(*status)),
            "{at}"
        );
        assert!(answers.keys().any(|status| status.starts_with('2')), "{at}");
        let named: BTreeSet<_> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let told: BTreeSet<_> = parameters(operation, "path").collect();
        assert_eq!(told, named, "{at}");
    }
}

pub(super) fn parameters<'a>(
    operation: &'a Value,
    place: &'a str,
) -> impl Iterator<Item = &'a str> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(move |parameter| parameter["in"] == place)
        .map(|parameter| parameter["name"].as_str().unwrap())
}

#[test]
fn the_filters_told_are_the_filters_read() {
    let document = whole();
    let of = |name: &str| -> BTreeSet<String> {
        operations(&document)
            .into_iter()
            .filter(|(_, _, operation)| operation["operationId"] == name)
            .flat_map(|(_, _, operation)| parameters(operation, "query").map(str::to_owned))
            .filter(|name| name != "limit" && name != "cursor")
            .collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(of("deliveries.list"), set(&deliveries::FILTERS));
    assert_eq!(of("events.list"), set(&events::FILTERS));
    assert_eq!(of("deadLetters.list"), set(&dead_letters::FILTERS));
    assert_eq!(
        of("operatorDeadLetters.list"),
        set(&dead_letters::ALL_FILTERS)
    );
    assert_eq!(of("stats.get"), set(&stats::FILTERS));
    assert_eq!(of("events.explain"), set(&explain::FILTERS));
    assert_eq!(of("events.explainDraft"), set(&explain::FILTERS));
    assert_eq!(of("tenants.list"), set(&[]));
    assert_eq!(of("webhooks.list"), set(&webhooks::FILTERS));
    assert_eq!(
        of("operatorWebhooks.list"),
        set(&webhooks::TROUBLED_FILTERS)
    );
    assert_eq!(of("webhooks.create"), set(&["dryRun"]));
}

#[test]
fn every_list_comes_page_by_page() {
    let document = whole();
    let mut lists = 0;
    for (at, _, operation) in operations(&document) {
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let name = answer["$ref"].as_str().and_then(|to| to.rsplit('/').next());
        let shape = name.map_or(answer, |name| &document["components"]["schemas"][name]);
        if !shape["properties"]["items"].is_object() {
            continue;
        }
        lists += 1;
        let told: BTreeSet<_> = parameters(operation, "query").collect();
        assert!(
            told.is_superset(&BTreeSet::from(["limit", "cursor"])),
            "{at}"
        );
        assert!(shape["properties"]["nextCursor"].is_object(), "{at}");
    }
    assert_eq!(lists, 15);
}

pub(super) fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                visit(name, member);
                walk(member, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

#[test]
fn every_reference_and_every_link_leads_somewhere() {
    let document = whole();
    let names: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    let mut references = 0;
    walk(&document, &mut |name, member| {
        if let ("$ref", Some(reference)) = (name, member.as_str()) {
            references += 1;
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    });
    walk(&document["paths"], &mut |name, member| {
        if let ("operationId", Some(operation)) = (name, member.as_str()) {
            assert!(names.contains(operation), "{operation}");
        }
    });
    assert!(references > 100, "only {references} references");
}

#[test]
fn whatever_an_answer_names_is_in_its_schema_and_whatever_takes_an_id_is_linked_to() {
    let document = whole();
    for giver in LINK_SOURCES {
        let at = format!("{} {}", giver.operation, giver.status);
        let operation = operations(&document)
            .into_iter()
            .find(|(_, _, operation)| operation["operationId"] == giver.operation)
            .unwrap_or_else(|| panic!("no operation {at}"))
            .2;
        let answer = &operation["responses"][giver.status];
        assert!(!answer["links"].as_object().unwrap().is_empty(), "{at}");
        let schema = &answer["content"]["application/json"]["schema"];
        let steps: Vec<_> = giver.pointer.split('/').skip(1).collect();
        assert!(has(&document, schema, &steps), "{at} {}", giver.pointer);
    }
    let mut linked = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        for answer in operation["responses"].as_object().unwrap().values() {
            let links = answer["links"].as_object().into_iter().flatten();
            linked.extend(links.map(|(_, link)| link["operationId"].as_str().unwrap()));
        }
    }
    for (path, _, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(!path.contains('{') || linked.contains(name), "{name}");
    }
}

/// Whether a schema, or one of its alternatives, has a member at the end of these steps.
pub(super) fn has(document: &Value, schema: &Value, steps: &[&str]) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        return has(document, document.pointer(&reference[1..]).unwrap(), steps);
    }
    let [step, rest @ ..] = steps else {
        return true;
    };
    let alternatives = ["allOf", "oneOf", "anyOf"].map(|kind| schema[kind].as_array());
    let within = [&schema["properties"][*step], &schema["items"]];
    alternatives
        .into_iter()
        .flatten()
        .flatten()
        .any(|one| has(document, one, steps))
        || within
            .into_iter()
            .any(|member| !member.is_null() && has(document, member, rest))
}

#[test]
fn every_code_is_told_with_its_status() {
    let document = whole();
    let mut told = BTreeSet::new();
    let mut read = |status_told: &str, answer: &Value| {
        for word in answer["description"].as_str().unwrap().split('`') {
            if let Some(code) = Code::ALL.into_iter().find(|code| code.as_str() == word) {
                assert_eq!(status(code).as_str(), status_told, "{word}");
                told.insert(code.as_str());
            }
        }
    };
    for (_, _, operation) in operations(&document) {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let whole = match answer["$ref"].as_str() {
                Some(reference) => document.pointer(&reference[1..]).unwrap(),
                None => answer,
            };
            read(status, whole);
        }
    }
    // No operation answers this one: it is for methods that there are not.
    told.insert(Code::MethodNotAllowed.as_str());
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(told, all);
    let codes =
        &document["components"]["schemas"]["Problem"]["properties"]["code"]["x-extensible-enum"];
    assert_eq!(
        codes.as_array().unwrap().len(),
        Code::ALL.len() + FAULT_CODES.len()
    );
}

#[test]
fn clients_that_are_made_of_the_document_know_what_they_get() {
    let document = whole();
    let schemas = &document["components"]["schemas"];
    let one = &schemas["EventBatchCreate"]["properties"]["events"]["items"];
    assert_eq!(
        *one,
        serde_json::json!({"$ref": "#/components/schemas/EventCreate"})
    );
    // Whoever gave an error, it can be asked for its code.
    let problem = &schemas["Problem"];
    assert!(problem["properties"]["code"].is_object() && problem["required"].is_null());
    for (operation, status, member) in [
        ("webhooks.create", "201", "secret"),
        ("webhooks.rotateSecret", "200", "secret"),
        ("keys.create", "201", "key"),
    ] {
        let found = operations(&document)
            .into_iter()
            .find(|(_, _, told)| told["operationId"] == operation);
        let answer =
            &found.unwrap().2["responses"][status]["content"]["application/json"]["schema"];
        let name = answer["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        assert!(name.ends_with("WithSecret"), "{name}");
        let parts = schemas[name]["allOf"].as_array().unwrap();
        assert!(
            parts[0]["$ref"].is_string(),
            "{name} is a thing that can be read, and more"
        );
        assert!(parts[1]["properties"][member].is_object(), "{name}");
        let read = document
            .pointer(&parts[0]["$ref"].as_str().unwrap()[1..])
            .unwrap();
        assert!(read["properties"][member].is_null(), "only once");
    }
}

#[test]
fn the_document_tells_nothing_of_the_code() {
    let text = document().to_string();
    for word in ["domain::", "serde", "axum"] {
        assert!(!text.contains(word), "{word}");
    }
}
