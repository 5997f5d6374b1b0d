//! The format of rows and messages, so that two versions of Postel can share a stack.
//!
//! A row or a message carries the number of its format as `v`; without it the format is 1. Each
//! version of Postel reads the formats up to [`FORMAT`], and refuses a higher one instead of
//! guessing at it: an older version meets one after a rollback, or during a gradual deployment.
//! `docs/upgrading.md` says how a format changes in two releases.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fault::{Fault, Stage};
use crate::strict_json;

/// The highest format that this version reads, and the one that it writes: without a number, as
/// long as it is 1. Test: `tests/e2e/test_formats.py`.
pub const FORMAT: u64 = 1;

/// The name of the number, in rows and in messages; short, because a row is billed by its size.
pub const FORMAT_NAME: &str = "v";

/// Whether this version reads the format with this number; whatever is no number is of a later
/// version.
#[must_use]
pub fn is_readable(number: &str) -> bool {
    number
        .parse()
        .is_ok_and(|number: u64| (1..=FORMAT).contains(&number))
}

/// The fault of a row or a message in a newer format.
#[must_use]
pub fn newer(stage: Stage, what: &str) -> Fault {
    Fault::newer(
        stage,
        format!(
            "The {what} is in a newer format than {FORMAT}, the highest that this version of Postel reads: deploy the newer version again."
        ),
    )
}

/// Checks the format of a message. Text that is not an object passes: parsing it reports the error.
///
/// # Errors
/// A fault of the kind `Newer`.
pub fn check_message(text: &str) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Numbered<'a> {
        #[serde(borrow)]
        v: Option<&'a RawValue>,
    }

    match strict_json::from_str(text) {
        Ok(Numbered { v: Some(number) }) if !is_readable(number.get()) => {
            Err(newer(Stage::ReadMessage, "message"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn a_message_without_a_number_is_in_format_1_and_a_higher_one_is_refused() {
        let kind = |text: &str| check_message(text).err().map(|fault| fault.kind);
        for text in [
            "{}",
            r#"{"tenantId":"acme"}"#,
            r#"{"v":1}"#,
            r#"{"v":null}"#,
            r#"{"data":{"v":2}}"#,
            r#"["acme",2]"#,
            "2",
            "",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
        for text in [
            r#"{"tenantId":"acme","v":2}"#,
            r#"{"v":0}"#,
            r#"{"v":1.5}"#,
            r#"{"v":"1"}"#,
            r#"{"v":{"major":2}}"#,
            r#"{"v":18446744073709551616}"#,
        ] {
            assert_eq!(kind(text), Some(FaultKind::Newer), "{text}");
        }
    }
}
