//! Patterns that are no patterns: each mistake with its place.

use super::*;
use crate::rejection::Code;

fn place(filter: &str) -> String {
    let refusal = Filter::parse(filter).expect_err(filter);
    assert_eq!(refusal.code, Code::InvalidPattern, "{filter}");
    refusal.field.map(String::from).unwrap()
}

/// Filters with the place of their first mistake.
const MISTAKES: &[(&str, &str)] = &[
    ("5", "filter"),
    ("[]", "filter"),
    (r#""x""#, "filter"),
    ("{}", "filter"),
    (r#"{"data": {}}"#, "filter.data"),
    (r#"{"detail": {"a": [1]}}"#, "filter.detail"),
    (r#"{"id": ["x"]}"#, "filter.id"),
    (r#"{"type": {"a": [1]}}"#, "filter.type"),
    (r#"{"type": "item.paid"}"#, "filter.type"),
    (r#"{"data": {"a": 1}}"#, "filter.data.a"),
    (r#"{"data": {"a": []}}"#, "filter.data.a"),
    (r#"{"data": {"a": [1, [2]]}}"#, "filter.data.a[1]"),
    (r#"{"data": {"a": [1], "a": [2]}}"#, "filter.data.a"),
    (r#"{"data": {"a": [{}]}}"#, "filter.data.a[0]"),
    (
        r#"{"data": {"a": [{"prefix": "x", "suffix": "y"}]}}"#,
        "filter.data.a[0]",
    ),
    (
        r#"{"data": {"a": [{"between": [1, 2]}]}}"#,
        "filter.data.a[0].between",
    ),
    (
        r#"{"data": {"a": [{"prefix": 1}]}}"#,
        "filter.data.a[0].prefix",
    ),
    (
        r#"{"data": {"a": [{"prefix": ""}]}}"#,
        "filter.data.a[0].prefix",
    ),
    (
        r#"{"data": {"a": [{"prefix": {"suffix": "x"}}]}}"#,
        "filter.data.a[0].prefix.suffix",
    ),
    (
        r#"{"data": {"a": [{"wildcard": "a**b"}]}}"#,
        "filter.data.a[0].wildcard",
    ),
    (
        r#"{"data": {"a": [{"wildcard": "a\\b"}]}}"#,
        "filter.data.a[0].wildcard",
    ),
    (
        r#"{"data": {"a": [{"wildcard": "a\\"}]}}"#,
        "filter.data.a[0].wildcard",
    ),
    (
        r#"{"data": {"a": [{"exists": "yes"}]}}"#,
        "filter.data.a[0].exists",
    ),
    (
        r#"{"data": {"a": [{"cidr": "10.0.0.0"}]}}"#,
        "filter.data.a[0].cidr",
    ),
    (
        r#"{"data": {"a": [{"cidr": "10.0.0.0/33"}]}}"#,
        "filter.data.a[0].cidr",
    ),
    (
        r#"{"data": {"a": [{"anything-but": []}]}}"#,
        "filter.data.a[0].anything-but",
    ),
    (
        r#"{"data": {"a": [{"anything-but": null}]}}"#,
        "filter.data.a[0].anything-but",
    ),
    (
        r#"{"data": {"a": [{"anything-but": ["x", 1]}]}}"#,
        "filter.data.a[0].anything-but[1]",
    ),
    (
        r#"{"data": {"a": [{"anything-but": {"numeric": ["=", 1]}}]}}"#,
        "filter.data.a[0].anything-but.numeric",
    ),
    (
        r#"{"data": {"a": [{"anything-but": {"prefix": ["x", ""]}}]}}"#,
        "filter.data.a[0].anything-but.prefix[1]",
    ),
    (r#"{"data": {"$or": {"a": [1]}}}"#, "filter.data.$or"),
    (r#"{"data": {"$or": [{"a": [1]}]}}"#, "filter.data.$or"),
    (
        r#"{"$or": [{"data": [1]}, {"dat": [1]}]}"#,
        "filter.$or[1].dat",
    ),
    (r#"{"$or": [{"data": [1]}, 5]}"#, "filter.$or[1]"),
];

#[test]
fn each_mistake_has_its_place() {
    for (filter, expected) in MISTAKES {
        assert_eq!(place(filter), *expected, "{filter}");
    }
}

#[test]
fn a_range_has_one_or_two_comparisons_in_order_and_a_number_within() {
    for range in [
        "5",
        "[]",
        r#"[">"]"#,
        r#"[5, ">"]"#,
        r#"["<>", 5]"#,
        r#"[">", "5"]"#,
        r#"["=", 5, "<", 6]"#,
        r#"["<", 5, ">", 1]"#,
        r#"[">", 1, ">", 2]"#,
        r#"[">", 1, "<", 5, "<", 6]"#,
        r#"[">", 5, "<", 5]"#,
        r#"[">=", 6, "<=", 5]"#,
    ] {
        let filter = format!(r#"{{"data": {{"a": [{{"numeric": {range}}}]}}}}"#);
        assert_eq!(place(&filter), "filter.data.a[0].numeric", "{range}");
    }
    Filter::parse(r#"{"data": {"a": [{"numeric": [">=", 5, "<=", 5]}]}}"#).unwrap();
}

#[test]
fn size_depth_and_number_of_fields_are_bounded() {
    let sized = |bytes: usize| {
        let frame = r#"{"data":[""]}"#.len();
        format!(r#"{{"data":["{}"]}}"#, "x".repeat(bytes - frame))
    };
    Filter::parse(&sized(MAX_FILTER_BYTES)).unwrap();
    assert_eq!(place(&sized(MAX_FILTER_BYTES + 1)), "filter");
    // Space does not count.
    Filter::parse(&sized(MAX_FILTER_BYTES).replace(':', " :  ")).unwrap();

    let nested = |levels: usize| {
        let below = r#"{"a":"#.repeat(levels - 1);
        format!(r#"{{"data":{below}[1]{}"#, "}".repeat(levels))
    };
    Filter::parse(&nested(MAX_FILTER_LEVELS)).unwrap();
    assert!(place(&nested(MAX_FILTER_LEVELS + 1)).starts_with("filter.data.a.a"));

    let many = |leaves: usize| {
        let fields: Vec<_> = (0..leaves).map(|n| format!(r#""f{n}":[{n}]"#)).collect();
        format!(r#"{{"data":{{{}}}}}"#, fields.join(","))
    };
    Filter::parse(&many(MAX_FILTER_LEAVES)).unwrap();
    assert_eq!(place(&many(MAX_FILTER_LEAVES + 1)), "filter.data.f100");
}
