//! JSON errors in the caller's words: what is wrong, what is allowed, which member caused it.
//!
//! serde writes errors in Rust's words ("invalid type: sequence, expected u32 at line 1 column
//! 131") and only as text: its errors have no fields to read. So the text is parsed here, by the
//! phrases of `serde::de::Error`; `each_mistake_has_the_callers_words` fails if they change. The
//! answer contains the position of the value and what is expected there, never the value: it may be
//! a misplaced secret. Of other texts, only [`Told`] is shown.

use std::fmt;

use serde::de::IgnoredAny;

use crate::event::MAX_JSON_DEPTH;
use crate::rejection::{BodyPath, Code, Rejection};

/// The error of one of Postel's types for a value that it rejects. The words are fixed, so they
/// contain nothing of the value.
///
/// A type gives it to serde as its error. serde turns it into a text, in which a mark distinguishes
/// it from foreign texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told(&'static str);

const MARK: &str = "postel says: ";

impl Told {
    /// An error with these words.
    #[must_use]
    pub const fn new(words: &'static str) -> Self {
        Self(words)
    }

    /// The words alone.
    #[must_use]
    pub const fn words(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}", self.0)
    }
}

/// The text of a serde error about a stored row, for the log: without any of the row's values,
/// which may be a tenant's.
pub fn about_row(error: &impl fmt::Display) -> String {
    let message = error.to_string();
    let without_position = message.rsplit_once(" at line ");
    let message = without_position.map_or(&*message, |(before, _)| before);
    // The phrases of serde_dynamo. Others quote a number.
    let kinds = ["string", "map", "seq", "num", "bool", "enum", "binary data"];
    if let Some(kind) = message.strip_prefix("Expected ")
        && kinds.contains(&kind)
    {
        return format!("A value of the row has another type than {kind}.");
    }
    wrong_shape(message, &BodyPath::default(), "The row")
        .detail
        .to_string()
}

/// From the error of a text that was read into a shape. `path` leads to what was read last.
pub(crate) fn rejection(error: &serde_json::Error, path: &BodyPath, text: &str) -> Rejection {
    let message = without_position(error);
    if error.is_data() {
        return wrong_shape(&message, path, BODY);
    }
    // serde_json reports some wrong values as a syntax error, so the text is parsed again.
    // `IgnoredAny` is read without recursion.
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Rejection::new(Code::InvalidJson, broken(error, &message, text));
    }
    if message.starts_with("recursion limit") {
        return too_deep();
    }
    invalid(path, not_allowed(&place(path, BODY)))
}

fn not_allowed(place: &str) -> String {
    format!("{place} does not have a value that is allowed here.")
}

/// The rejection of JSON that is nested too deep.
pub(crate) fn too_deep() -> Rejection {
    let detail = format!("The body is nested more than {MAX_JSON_DEPTH} levels deep.");
    Rejection::new(Code::TooDeep, detail)
}

fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    message
        .strip_suffix(&position)
        .unwrap_or(&message)
        .to_owned()
}

/// The text is not JSON. Here the position helps, since it is a position in the text that the
/// caller sent.
fn broken(error: &serde_json::Error, message: &str, text: &str) -> String {
    let text = text.trim_start();
    if text.is_empty() {
        return "The body is empty: send JSON.".to_owned();
    }
    if text.starts_with('\u{feff}') {
        return "The body begins with a byte order mark: send JSON without it.".to_owned();
    }
    let looks_like_a_form = text.contains('=') && !text.starts_with(['{', '[', '"']);
    if looks_like_a_form {
        return "The body looks like form data: send JSON.".to_owned();
    }
    if error.is_eof() {
        return "The body is not JSON: it ends too early.".to_owned();
    }
    let (line, column) = (error.line(), error.column());
    format!("The body is not JSON: {message} (line {line}, column {column}).")
}

/// What is JSON but not of the shape that is read.
fn wrong_shape(message: &str, path: &BodyPath, whole: &str) -> Rejection {
    let quoted = |prefix: &str| message.strip_prefix(prefix)?.rsplit_once('`');
    let told = |code, path: &BodyPath, detail: String| Rejection::new(code, detail).at(path);
    if let Some((name, _)) = quoted("missing field `") {
        let path = path.clone().member(name);
        let detail = format!("`{}` is missing.", path.field());
        return told(Code::MissingField, &path, detail);
    }
    if let Some((name, _)) = quoted("duplicate field `") {
        let path = path.clone().member(name);
        let detail = format!("`{}` is given twice.", path.field());
        return told(Code::InvalidRequest, &path, detail);
    }
    if let Some((name, allowed)) = unknown(message, "unknown field `") {
        // The path leads to the member itself already.
        let path = if path.field().ends_with(name) {
            path.clone()
        } else {
            path.clone().member(name)
        };
        let detail = format!("`{}` is not known here. Allowed: {allowed}.", path.field());
        return told(Code::UnknownField, &path, detail);
    }
    let place = place(path, whole);
    if let Some((_, allowed)) = unknown_variant(message) {
        return invalid(path, format!("{place} is one of {allowed}."));
    }
    let wrong = [
        ("invalid type: ", Code::InvalidRequest),
        ("invalid value: ", Code::InvalidValue),
        ("invalid length ", Code::InvalidValue),
    ];
    let found = wrong
        .into_iter()
        .find_map(|(prefix, code)| Some((message.strip_prefix(prefix)?, code)));
    if let Some((text, code)) = found
        && let Some((found, expected)) = text.rsplit_once(", expected ")
    {
        let found = found_words(found);
        let expected = expected_words(expected);
        return told(code, path, format!("{place} must be {expected}{found}."));
    }
    if let Some(words) = message.strip_prefix(MARK) {
        return invalid(path, format!("{place}: {words}"));
    }
    invalid(path, not_allowed(&place))
}

/// A value of the right type that is not allowed.
fn invalid(path: &BodyPath, detail: String) -> Rejection {
    Rejection::new(Code::InvalidValue, detail).at(path)
}

/// The unknown name, and the list of allowed names.
fn unknown<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let rest = message.strip_prefix(prefix)?;
    let (name, allowed) = match rest.rsplit_once("`, expected ") {
        // Allowed names are quoted in the same marks.
        Some(_) => rest.split_once("`, expected ")?,
        None => (rest.strip_suffix("`, there are no fields")?, "nothing"),
    };
    Some((name, allowed.strip_prefix("one of ").unwrap_or(allowed)))
}

/// The value that is not allowed, and the allowed ones. The value may contain any text, including
/// the phrase that follows it here.
fn unknown_variant(message: &str) -> Option<(&str, &str)> {
    let (value, allowed) = message
        .strip_prefix("unknown variant `")?
        .rsplit_once("`, expected ")?;
    Some((value, allowed.strip_prefix("one of ").unwrap_or(allowed)))
}

const BODY: &str = "The body";

/// How a sentence begins that is about this place. `whole` is what all of it is called.
fn place(path: &BodyPath, whole: &str) -> String {
    match path.is_whole() {
        true => whole.to_owned(),
        false => format!("`{}`", path.field()),
    }
}

/// What serde found, without its value.
fn found_words(found: &str) -> &'static str {
    let kind = found.split([' ', '`', '"']).next().unwrap_or_default();
    match kind {
        "string" => ", not a string",
        "integer" | "floating" => ", not this number",
        "boolean" => ", not true or false",
        "null" | "unit" | "Option" => ", not null",
        "sequence" => ", not a list",
        "map" => ", not an object",
        _ => "",
    }
}

/// What serde expected.
fn expected_words(expected: &str) -> String {
    match expected {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number of 0 or more".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "string or map" => "a string".to_owned(),
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        _ => expected.to_owned(),
    }
}

#[cfg(test)]
mod tests;
