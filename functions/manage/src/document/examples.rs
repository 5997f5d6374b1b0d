//! Puts `functions/api/examples.json` into the document: for each operation its request and its
//! successes, as tests/e2e/test_openapi_examples.py sends them and gets them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

const EXAMPLES: &str = include_str!("../../../api/examples.json");

/// By operation: its answers by their status; what has another name is a request.
type Examples = BTreeMap<String, BTreeMap<String, Value>>;

/// Adds all examples. Panics on one that has no place, so that none outlives its operation.
pub(super) fn add(document: &mut Value) {
    let mut examples: Examples = serde_json::from_str(EXAMPLES).unwrap();
    let items = document["paths"].as_object_mut().unwrap().values_mut();
    for operation in items.flat_map(|item| item.as_object_mut().unwrap().values_mut()) {
        let name = operation["operationId"].as_str().unwrap();
        for (place, example) in examples.remove(name).unwrap_or_default() {
            let is_answer = place.starts_with(|c: char| c.is_ascii_digit());
            let (content, title) = if is_answer {
                (&mut operation["responses"][&place]["content"], "answer")
            } else {
                (&mut operation["requestBody"]["content"], place.as_str())
            };
            let kinds: Option<&mut Map<_, _>> = content.as_object_mut();
            for kind in kinds.unwrap_or_else(|| panic!("{place}")).values_mut() {
                kind["examples"][title] = json!({"value": example});
            }
        }
    }
    assert!(
        examples.is_empty(),
        "of no operation: {:?}",
        examples.keys()
    );
}
