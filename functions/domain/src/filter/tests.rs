//! Filters against what AWS documents, mistakes with their places, and bounds.

mod bounds;
mod documented;
mod refused;
mod webhooks;

use super::*;
use crate::event_type::EventType;
use crate::payload::Content;

/// Whether a filter matches an event of the type `item.paid` with these data.
fn is_match(filter: &str, data: &str) -> bool {
    verdict(filter, data).is_match
}

fn verdict(filter: &str, data: &str) -> Verdict {
    with_event(data, |document| {
        let filter = Filter::parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
        let verdict = filter.verdict(document);
        assert_eq!(filter.matches(document), verdict.is_match);
        verdict
    })
}

fn with_event<T>(data: &str, read: impl FnOnce(&Document<'_>) -> T) -> T {
    let event_type: EventType = "item.paid".parse().unwrap();
    let content = Content {
        data: data.to_owned(),
        context: [("region".to_owned(), r#""eu""#.to_owned())].into(),
    };
    read(&Document::new(&event_type, &content))
}

#[test]
fn a_filter_sees_type_data_and_context() {
    for (filter, expected) in [
        (r#"{"type": ["item.paid"]}"#, true),
        (r#"{"type": [{"prefix": "item."}], "data": [5]}"#, true),
        (r#"{"type": ["item.sent"], "data": [5]}"#, false),
        (r#"{"context": {"region": ["eu", "us"]}}"#, true),
        (r#"{"context": {"region": ["us"]}}"#, false),
        (r#"{"context": {"project": [{"exists": false}]}}"#, true),
    ] {
        assert_eq!(is_match(filter, "5"), expected, "{filter}");
    }
}

#[test]
fn a_verdict_tells_each_field_in_the_order_of_the_filter() {
    let filter = r#"{"data": {"state": ["paid"], "items": {"sku": ["x"], "n": [1]}}, "type": ["item.paid"]}"#;
    let told = |data: &str| {
        let verdict = verdict(filter, data);
        let leaves = verdict.leaves.iter();
        let failed: Vec<_> = leaves.filter(|leaf| !leaf.is_match).collect();
        let failed = failed.iter().map(|leaf| leaf.field.clone());
        (verdict.is_match, failed.collect::<Vec<_>>())
    };
    let paid = r#"{"state": "paid", "items": [{"sku": "x", "n": 1}]}"#;
    assert_eq!(told(paid), (true, vec![]));
    assert_eq!(
        told(r#"{"state": "sent", "items": [{"sku": "x"}]}"#),
        (
            false,
            vec!["data.state".to_owned(), "data.items.n".to_owned()]
        )
    );
    // Each field has a match, but no item has both.
    let apart = r#"{"state": "paid", "items": [{"sku": "x", "n": 2}, {"sku": "y", "n": 1}]}"#;
    assert_eq!(told(apart), (false, vec![]));
    assert_eq!(verdict(filter, apart).first_mismatch(), None);
    let fields: Vec<_> = verdict(filter, paid)
        .leaves
        .into_iter()
        .map(|leaf| leaf.field)
        .collect();
    assert_eq!(
        fields,
        ["data.state", "data.items.sku", "data.items.n", "type"]
    );
}

#[test]
fn a_filter_is_stored_as_its_text_without_space_and_numbers_keep_their_spelling() {
    let json = "{ \"data\" :\n {\"a b\": [ 1.50, \"x \\\" y\", {\"numeric\": [\">\", 1e2]} ]} }";
    let filter = Filter::parse(json).unwrap();
    let text = r#"{"data":{"a b":[1.50,"x \" y",{"numeric":[">",1e2]}]}}"#;
    assert_eq!(filter.text(), text);
    let stored = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), filter);
    let of_a_later_version = r#""{\"data\":{\"a\":[{\"between\":[1,2]}]}}""#;
    assert!(serde_json::from_str::<Filter>(of_a_later_version).is_err());
}

#[test]
fn the_last_of_a_repeated_name_in_the_data_counts() {
    assert!(is_match(r#"{"data": {"a": [2]}}"#, r#"{"a": 1, "a": 2}"#));
    assert!(!is_match(r#"{"data": {"a": [1]}}"#, r#"{"a": 1, "a": 2}"#));
}
