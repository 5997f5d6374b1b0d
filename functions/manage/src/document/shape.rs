//! What holds for the whole document, put into it in one place, so that no new operation or schema
//! can forget it.
//!
//! - A member is never null: without a value it is left out. Only in a merge patch null has a
//!   meaning.
//! - Requests say what they may hold; answers are open, since later ones may hold more.
//! - An operation names its callers, its errors and its headers for machines, too.

use std::collections::{BTreeMap, BTreeSet};

use api::problem::FAULT_CODES;
use domain::rejection::Code;
use serde_json::{Map, Value, json};

type Members = Map<String, Value>;

/// Finishes the document that the annotations make.
pub(super) fn finish(document: &mut Value) {
    write_out_times(document);
    drop_number_formats(document);
    drop_nulls(document);
    write_out_patterns(document);
    loosen_problem(document);
    share_headers(document);
    name_callers(document);
    name_codes(document);
}

/// Every object within a value, the outer ones first.
fn each(value: &mut Value, change: &mut impl FnMut(&mut Members)) {
    match value {
        Value::Object(members) => {
            change(members);
            members.values_mut().for_each(|member| each(member, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, change)),
        _ => {}
    }
}

fn schemas(document: &mut Value) -> &mut Members {
    document["components"]["schemas"].as_object_mut().unwrap()
}

/// Every operation with its method.
fn operations(document: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    let paths = document["paths"].as_object_mut().unwrap();
    paths.values_mut().flat_map(|item| {
        let methods = item.as_object_mut().unwrap().iter_mut();
        methods.map(|(method, operation)| (method.clone(), operation))
    })
}

/// The schemas that a value names, and those that they name.
pub(super) fn named_by(document: &Value, value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                let name = members.get("$ref").and_then(schema_name);
                if let Some(name) = name
                    && found.insert(name.to_owned())
                {
                    open.push(&document["components"]["schemas"][name]);
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

fn schema_name(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix("#/components/schemas/")
}

/// The bodies of requests: of merge patches, or of all others.
pub(super) fn bodies(document: &Value, is_patch: bool) -> Value {
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap());
    operations
        .filter(|(method, _)| (*method == "patch") == is_patch)
        .map(|(_, operation)| operation["requestBody"].clone())
        .collect()
}

/// What the operations answer.
pub(super) fn answers(document: &Value) -> Value {
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let shared = document["components"]["responses"].clone();
    operations
        .map(|operation| operation["responses"].clone())
        .chain([shared])
        .collect()
}

/// A time needs no schema of its own: generators know its format.
fn write_out_times(document: &mut Value) {
    let time = schemas(document).shift_remove("Timestamp").unwrap();
    each(document, &mut |members| {
        if members.get("$ref").and_then(schema_name) == Some("Timestamp") {
            write_out(members, &time);
        }
    });
}

/// Puts a schema in the place of a reference to it, whose own description stays.
fn write_out(reference: &mut Members, schema: &Value) {
    let own = reference.shift_remove("description");
    reference.shift_remove("$ref");
    reference.extend(schema.as_object().unwrap().clone());
    if let Some(own) = own {
        reference.insert("description".to_owned(), own);
    }
}

/// Rust's numbers are nobody's business: what fits says the maximum.
fn drop_number_formats(document: &mut Value) {
    each(document, &mut |members| {
        if matches!(
            members.get("format").and_then(Value::as_str),
            Some("int32" | "int64" | "double")
        ) {
            members.shift_remove("format");
        }
    });
}

fn drop_nulls(document: &mut Value) {
    let patches = named_by(document, &bodies(document, true));
    for (name, schema) in schemas(document) {
        if patches.contains(name) {
            continue;
        }
        each(schema, &mut |members| {
            if let Some(Value::Object(properties)) = members.get_mut("properties") {
                properties.values_mut().for_each(drop_null);
            }
        });
    }
}

/// Takes null out of what a member may be.
fn drop_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    let is_null = |one: &Value| *one == "null" || *one == json!({"type": "null"});
    for kind in ["type", "oneOf"] {
        let Some(Value::Array(choices)) = members.get_mut(kind) else {
            continue;
        };
        choices.retain(|one| !is_null(one));
        let [only] = choices.as_slice() else {
            continue;
        };
        let only = only.clone();
        if kind == "type" {
            members.insert(kind.to_owned(), only);
        } else {
            members.shift_remove(kind);
            members.extend(only.as_object().unwrap().clone());
        }
    }
}

/// What a text has to look like is a rule for requests: it is written out in each of them. The
/// schema that answers share has no pattern, since later texts may look different.
fn write_out_patterns(document: &mut Value) {
    let answered = named_by(document, &answers(document));
    let mut asked = named_by(document, &bodies(document, false));
    asked.extend(named_by(document, &bodies(document, true)));
    let mut texts = BTreeMap::new();
    for (name, schema) in schemas(document) {
        if schema["type"] == "string" && schema["pattern"].is_string() {
            texts.insert(name.clone(), schema.clone());
            schema.as_object_mut().unwrap().shift_remove("pattern");
        }
    }
    let mut write = |members: &mut Members| {
        let name = members.get("$ref").and_then(schema_name);
        if let Some(text) = name.and_then(|name| texts.get(name)) {
            write_out(members, text);
        }
    };
    for (name, schema) in schemas(document) {
        if asked.contains(name) && !answered.contains(name) {
            each(schema, &mut write);
        }
    }
    for (_, operation) in operations(document) {
        if let Some(parameters) = operation.get_mut("parameters") {
            each(parameters, &mut write);
        }
    }
    // What stands in parameters only is now written out everywhere.
    let components = &document["components"]["responses"];
    let named = json!([document["paths"], document["webhooks"], components]);
    let used = named_by(document, &named);
    schemas(document).retain(|name, _| used.contains(name) || !texts.contains_key(name));
}

/// The gateway's own errors have nothing but a message, so a client can rely on no other member.
fn loosen_problem(document: &mut Value) {
    let problem = schemas(document)["Problem"].as_object_mut().unwrap();
    problem.shift_remove("required");
    let message = json!({
        "type": "string",
        "description": "Only in a response of the gateway itself, which has no other member.",
        "examples": ["Unauthorized"],
    });
    let members = problem["properties"].as_object_mut().unwrap();
    members.insert("message".to_owned(), message);
}

/// A header that several answers have is described once.
fn share_headers(document: &mut Value) {
    let mut shared = Members::new();
    let mut share = |members: &mut Members| {
        let Some(Value::Object(headers)) = members.get_mut("headers") else {
            return;
        };
        for (name, header) in headers {
            let key = name.replace('-', "");
            if header["schema"].is_object()
                && *shared.entry(&key).or_insert_with(|| header.clone()) == *header
            {
                *header = json!({"$ref": format!("#/components/headers/{key}")});
            }
        }
    };
    each(&mut document["components"]["responses"], &mut share);
    for (_, operation) in operations(document) {
        each(&mut operation["responses"], &mut share);
    }
    if !shared.is_empty() {
        document["components"]["headers"] = Value::Object(shared);
    }
}

/// Who may call an operation stands in the sentence that ends its description; here it is said for
/// machines.
fn name_callers(document: &mut Value) {
    for (_, operation) in operations(document) {
        let (principal, security) = match callers(operation) {
            Callers::Anyone => ("none", json!([{}])),
            Callers::AnyKey => ("any", json!([{"bearer": []}])),
            Callers::Operator => ("operator", json!([{"bearer": ["operator"]}])),
            Callers::Scope(scope) => ("tenant", json!([{"bearer": [scope]}])),
        };
        operation["security"] = security;
        operation["x-postel-principal"] = principal.into();
    }
}

/// Who may call an operation.
#[derive(Debug, PartialEq)]
pub(super) enum Callers {
    Anyone,
    AnyKey,
    Operator,
    /// A tenant's key with this scope, and the operator.
    Scope(String),
}

/// As its description says.
pub(super) fn callers(operation: &Value) -> Callers {
    let text = operation["description"].as_str().unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if operation["security"] == json!([{}]) {
        Callers::Anyone
    } else if text.ends_with("With any key.") {
        Callers::AnyKey
    } else if text.ends_with("For the operator.") {
        Callers::Operator
    } else {
        let (_, scope) = text.rsplit_once("Scope `").unwrap_or_else(|| {
            panic!(
                "{} does not end with who may call it",
                operation["operationId"]
            )
        });
        Callers::Scope(scope.strip_suffix("`.").unwrap().to_owned())
    }
}

/// The codes that an error's description names, for machines.
fn name_codes(document: &mut Value) {
    let known = Code::ALL.map(Code::as_str);
    let is_code = |word: &&str| known.contains(word) || FAULT_CODES.contains(word);
    let name = |answers: &mut Value| {
        for answer in answers.as_object_mut().unwrap().values_mut() {
            let text = answer["description"].as_str().unwrap_or_default();
            let codes: Vec<_> = text.split('`').filter(is_code).collect();
            if !codes.is_empty() {
                answer["x-postel-codes"] = json!(codes);
            }
        }
    };
    name(&mut document["components"]["responses"]);
    for (_, operation) in operations(document) {
        name(&mut operation["responses"]);
    }
}
