use serde::Deserialize;

use super::{Told, about_row};
use crate::rejection::{Code, Rejection};
use crate::strict_json;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read, never used")]
struct Outer {
    #[serde(default)]
    text: String,
    number: Option<u32>,
    share: Option<f64>,
    flag: Option<bool>,
    list: Option<Vec<String>>,
    word: Option<Word>,
    inner: Option<Inner>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read, never used")]
struct Inner {
    needed: u8,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    First,
    Second,
    Third,
}

fn refused(text: &str) -> Rejection {
    strict_json::parse::<Outer>(text).expect_err(text)
}

/// A text, its code, what is said of it, and the field to blame.
const MISTAKES: &[(&str, Code, &str, &str)] = &[
    (
        r#"{"inner":{}}"#,
        Code::MissingField,
        "`inner.needed` is missing.",
        "inner.needed",
    ),
    (
        r#"{"text":"a","text":"b"}"#,
        Code::InvalidRequest,
        "`text` is given twice.",
        "text",
    ),
    (
        r#"{"colour":1}"#,
        Code::UnknownField,
        "`colour` is not known here. Allowed: `text`, `number`, `share`, `flag`, `list`, `word`, `inner`.",
        "colour",
    ),
    (
        r#"{"inner":{"colour":1}}"#,
        Code::UnknownField,
        "`inner.colour` is not known here. Allowed: `needed`.",
        "inner.colour",
    ),
    (
        r#"{"word":"canary"}"#,
        Code::InvalidValue,
        "`word` is one of `first`, `second`, `third`.",
        "word",
    ),
    (
        r#"{"word":"x`, expected canary"}"#,
        Code::InvalidValue,
        "`word` is one of `first`, `second`, `third`.",
        "word",
    ),
    (
        r#"{"number":"canary"}"#,
        Code::InvalidRequest,
        "`number` must be a whole number from 0 to 4294967295, not a string.",
        "number",
    ),
    (
        r#"{"number":0.5}"#,
        Code::InvalidRequest,
        "`number` must be a whole number from 0 to 4294967295, not this number.",
        "number",
    ),
    (
        r#"{"number":-1}"#,
        Code::InvalidValue,
        "`number` must be a whole number from 0 to 4294967295, not this number.",
        "number",
    ),
    (
        r#"{"share":"x"}"#,
        Code::InvalidRequest,
        "`share` must be a number, not a string.",
        "share",
    ),
    (
        r#"{"flag":1}"#,
        Code::InvalidRequest,
        "`flag` must be true or false, not this number.",
        "flag",
    ),
    (
        r#"{"list":{}}"#,
        Code::InvalidRequest,
        "`list` must be a list, not an object.",
        "list",
    ),
    (
        r#"{"list":["a",null]}"#,
        Code::InvalidRequest,
        "`list[1]` must be a string, not null.",
        "list[1]",
    ),
    (
        r#"{"text":null}"#,
        Code::InvalidRequest,
        "`text` must be a string, not null.",
        "text",
    ),
    (
        r#"{"inner":"x"}"#,
        Code::InvalidRequest,
        "`inner` must be an object, not a string.",
        "inner",
    ),
    (
        r#"{"word":5}"#,
        Code::InvalidValue,
        "`word` does not have a value that is allowed here.",
        "word",
    ),
];

#[test]
fn each_mistake_has_the_callers_words() {
    for (text, code, detail, field) in MISTAKES {
        let rejection = refused(text);
        assert_eq!(
            (
                rejection.code,
                rejection.detail.as_str(),
                rejection.field.as_deref()
            ),
            (*code, *detail, Some(*field)),
        );
    }
    assert_eq!(
        refused("[1]").detail,
        "The body must be an object, not a list."
    );
    assert_eq!(
        refused("null").detail,
        "The body must be an object, not null."
    );
}

#[test]
fn what_is_no_json_is_told_with_its_place_or_its_likeness() {
    for (text, detail) in [
        ("", "The body is empty: send JSON."),
        (" \n", "The body is empty: send JSON."),
        (
            "url=https%3A%2F%2Fx&events=a",
            "The body looks like form data: send JSON.",
        ),
        (
            "\u{feff}{}",
            "The body begins with a byte order mark: send JSON without it.",
        ),
        (r#"{"text":"a""#, "The body is not JSON: it ends too early."),
        (
            r#"{"text":"a",}"#,
            "The body is not JSON: trailing comma (line 1, column 13).",
        ),
        (
            "{} x",
            "The body is not JSON: trailing characters (line 1, column 4).",
        ),
        (
            "{'text':1}",
            "The body is not JSON: key must be a string (line 1, column 2).",
        ),
    ] {
        let rejection = refused(text);
        assert_eq!(
            (rejection.code, rejection.detail.as_str()),
            (Code::InvalidJson, detail)
        );
    }
}

#[derive(Debug)]
struct Strange;

impl<'de> Deserialize<'de> for Strange {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Err(serde::de::Error::custom(match text.as_str() {
            "ours" => Told::new("something else").to_string(),
            text => format!("{text} will not do"),
        }))
    }
}

#[test]
fn of_the_words_of_a_type_only_ours_are_shown() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read, never used")]
    struct Body {
        strange: Strange,
    }
    let told = |value: &str| {
        let body = format!(r#"{{"strange":"{value}"}}"#);
        strict_json::parse::<Body>(&body)
            .unwrap_err()
            .detail
            .to_string()
    };
    assert_eq!(told("ours"), "`strange`: something else");
    assert_eq!(
        told("canary"),
        "`strange` does not have a value that is allowed here."
    );
}

#[test]
fn what_is_wrong_with_a_row_is_told_without_its_values() {
    let of = |text: &str| about_row(&serde_json::from_str::<Outer>(text).unwrap_err());
    assert_eq!(
        of(r#"{"number":"canary"}"#),
        "The row must be a whole number from 0 to 4294967295, not a string."
    );
    assert_eq!(of(r#"{"inner":{}}"#), "`needed` is missing.");
    for text in [
        r#"{"word":"canary"}"#,
        r#"{"flag":"canary at line 1"}"#,
        r#"{"text": canary}"#,
        "canary",
    ] {
        assert!(!of(text).contains("canary"), "{}", of(text));
    }
    for text in [
        "Failed to parse 'canary' as an integer: x",
        "canary",
        "Expected canary",
    ] {
        assert!(!about_row(&text).contains("canary"), "{text}");
    }
    let kind = about_row(&"Expected map");
    assert_eq!(kind, "A value of the row has another type than map.");
}

#[test]
fn a_text_in_the_wrong_place_is_not_quoted() {
    for text in [
        "canary",
        r#"canary\", expected "#,
        r#"canary: string \""#,
        "canary`, expected `x`",
    ] {
        for member in ["number", "word", "inner", "list", "flag"] {
            let detail = refused(&format!(r#"{{"{member}":"{text}"}}"#)).detail;
            assert!(!detail.contains("canary"), "{detail}");
        }
    }
}
