//! Hostile filters and events: the steps of an evaluation are counted, not timed.

use super::*;
use crate::event::MAX_EVENT_BYTES;
use crate::filter::evaluate::MAX_STEPS;

/// As many copies as an event can have.
fn filled(item: &str) -> String {
    format!(
        "[{}]",
        vec![item; MAX_EVENT_BYTES / (item.len() + 1)].join(",")
    )
}

fn steps(filter: &str, data: &str) -> (usize, Option<bool>) {
    let filter = Filter::parse(filter).unwrap();
    with_event(data, |document| {
        let mut evaluation = Evaluation::new(&document.root, filter.0.leaves);
        let answer = evaluation.matches(&filter.0.pattern);
        (evaluation.steps(), answer.ok())
    })
}

fn fields(rules: &str) -> String {
    let fields = (0..80).map(|n| format!(r#""{n}":[{rules}]"#));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

#[test]
fn a_common_filter_needs_less_than_200_steps() {
    let filter = r#"{"data": {"order": {"state": ["paid"], "total": [{"numeric": [">", 100]}], "items": {"sku": [{"prefix": "a-"}]}}}}"#;
    let items = vec![r#"{"sku": "b-1", "count": 3}"#; 20].join(",");
    let data = format!(
        r#"{{"order": {{"state": "paid", "total": 120.5, "items": [{items}, {{"sku": "a-1"}}]}}}}"#
    );
    let (steps, answer) = steps(filter, &data);
    assert_eq!(answer, Some(true));
    assert!(steps < 200, "{steps}");
}

#[test]
fn a_large_event_is_decided_within_the_limit() {
    let long = format!(r#"{{"a": "{}"}}"#, "ab".repeat(MAX_EVENT_BYTES / 2 - 10));
    let wildcard = format!(
        r#"{{"data": {{"a": [{{"wildcard": "{}c"}}]}}}}"#,
        "*ab".repeat(600)
    );
    assert_eq!(steps(&wildcard, &long).1, Some(false));
    let many = filled(r#"{"id":1,"state":"sent"}"#);
    let last = r#"{"data": {"state": ["paid"]}}"#;
    assert_eq!(steps(last, &many).1, Some(false));
    let absent = r#"{"data": {"state": [{"exists": false}], "id": [{"exists": true}]}}"#;
    assert_eq!(steps(absent, &many).1, Some(false));
}

#[test]
fn a_hostile_filter_ends_at_the_limit_and_lets_the_event_pass() {
    let names: Vec<_> = (0..30_000).map(|n| format!(r#""{n}":0"#)).collect();
    let wide = format!("{{{}}}", names.join(","));
    for (filter, data) in [
        (
            format!(r#"{{"data": {}}}"#, fields(r#"{"exists": false}"#)),
            filled("{}"),
        ),
        (format!(r#"{{"data": {}}}"#, fields(r#"0"#)), wide),
        (
            format!(
                r#"{{"data": [{}]}}"#,
                vec![r#"{"wildcard":"*x*y"}"#; 90].join(",")
            ),
            filled(r#""xxxxxxxxxxxxxxxx""#),
        ),
        (
            format!(
                r#"{{"data": [{{"numeric": ["<", 0]}}, {}]}}"#,
                vec!["5"; 500].join(",")
            ),
            filled("1"),
        ),
    ] {
        let (steps, answer) = steps(&filter, &data);
        // What comes last may be a long text.
        assert!(steps <= MAX_STEPS + MAX_EVENT_BYTES, "{steps}");
        assert_eq!(answer, None, "{filter}");
        let verdict = verdict(&filter, &data);
        assert!(verdict.is_match && verdict.is_cut);
    }
}
