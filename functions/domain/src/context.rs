//! The values that envelopes contain in addition to an event's data: scalars by name, from the
//! event, else from its webhook, else from its tenant. Each keeps its spelling.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::rejection::{Code, Rejection};
use crate::safe_text::SafeText;

/// Raw JSON scalars by name.
pub type Context = BTreeMap<String, String>;

const MAX_NAMES: usize = 16;
const MAX_NAME_BYTES: usize = 64;

/// The maximum size of a tenant's or a webhook's own context, in bytes: it is read with each
/// snapshot, and the values that a delivery takes from it are stored with each attempt.
const MAX_OWN_BYTES: usize = 1024;

/// The context in a request, by name.
pub type Given = BTreeMap<String, Box<RawValue>>;

/// Checks an event's context. Its bytes count towards the event's size.
///
/// # Errors
/// What is wrong with it.
pub fn of_event<'a>(
    raw: impl IntoIterator<Item = (String, &'a RawValue)>,
) -> Result<Context, Rejection> {
    let kept = raw
        .into_iter()
        .map(|(name, value)| (name, value.get().to_owned()));
    checked(kept.collect())
}

/// Checks the context of a tenant or a webhook, from which every delivery may take values.
///
/// # Errors
/// What is wrong with it.
pub fn of_owner(given: &Given) -> Result<Context, Rejection> {
    bounded(of_event(
        given.iter().map(|(name, value)| (name.clone(), &**value)),
    )?)
}

/// The context of a tenant or a webhook after a merge patch (RFC 7396): null removes a name.
///
/// # Errors
/// What is wrong with the result.
pub fn patched(before: &Context, changes: &Given) -> Result<Context, Rejection> {
    let mut after = before.clone();
    for (name, value) in changes {
        match value.get() {
            "null" => after.remove(name),
            text => after.insert(name.clone(), text.to_owned()),
        };
    }
    bounded(checked(after)?)
}

/// The context as a request has it.
///
/// # Errors
/// If a value is not JSON, which stored ones are.
pub(crate) fn given(context: Context) -> Result<Given, Rejection> {
    let raw = |text: String| RawValue::from_string(text).map_err(|_| refuse("It is not JSON."));
    let values = context.into_iter();
    values.map(|(name, text)| Ok((name, raw(text)?))).collect()
}

fn refuse(detail: impl Into<SafeText>) -> Rejection {
    Rejection::new(Code::InvalidValue, detail).field("context")
}

fn checked(context: Context) -> Result<Context, Rejection> {
    let is_name = |name: &String| (1..=MAX_NAME_BYTES).contains(&name.len());
    if context.len() > MAX_NAMES || !context.keys().all(is_name) {
        return Err(refuse("context holds at most 16 names of 1 to 64 bytes."));
    }
    if context.values().any(|value| value.starts_with(['{', '['])) {
        return Err(refuse(
            "context holds strings, numbers, booleans and null only.",
        ));
    }
    Ok(context)
}

fn bounded(context: Context) -> Result<Context, Rejection> {
    let bytes: usize = context.iter().map(|(n, v)| n.len() + v.len()).sum();
    if bytes > MAX_OWN_BYTES {
        return Err(refuse(format!(
            "The context of a tenant or webhook has at most {MAX_OWN_BYTES} bytes of names and values; this one has {bytes}."
        )));
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: &str) -> Given {
        serde_json::from_str(json).unwrap()
    }

    fn after(before: &str, changes: &str) -> Result<Context, Rejection> {
        patched(&of_owner(&given(before)).unwrap(), &given(changes))
    }

    #[test]
    fn a_patch_changes_the_names_that_it_has_and_rewrites_no_value() {
        let before = r#"{"a": 1.0, "b": 12345678901234567890123, "c": "\u00e9"}"#;
        let after = after(before, r#"{"a": null, "d": 1e2}"#).unwrap();
        let told: Vec<_> = after.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(
            told,
            ["b=12345678901234567890123", r#"c="\u00e9""#, "d=1e2"]
        );
    }

    #[test]
    fn a_patch_is_judged_with_what_it_is_put_on() {
        let long = "v".repeat(900);
        let before = format!(r#"{{"a": "{long}"}}"#);
        assert!(after(&before, r#"{"b": "short"}"#).is_ok());
        assert!(after(&before, &format!(r#"{{"b": "{long}"}}"#)).is_err());
        assert!(after(&before, &format!(r#"{{"a": null, "b": "{long}"}}"#)).is_ok());
        assert!(after("{}", r#"{"b": {}}"#).is_err());
    }
}
