//! Every mistake in the shape of a body, not only the first.
//!
//! serde stops at the first. So the text is read again without the member that was wrong, until
//! nothing else is wrong. Where a member is needed, a value of each kind stands in for it.

use serde_json::Value;

use super::members;
use crate::rejection::{MAX_MISTAKES, Rejection};

/// A longer text has its first mistake told alone: each further one costs some readings.
const MAX_BYTES: usize = 16 * 1024;
/// What stands in for a member that is needed: a value of each kind.
const STAND_INS: [&str; 5] = [r#""""#, "[]", "{}", "0", "false"];

/// Adds to the first mistake in an object's shape those of its other members, one for each. `read`
/// reads a text into the same shape, and gives the first mistake.
pub fn all_mistakes(
    first: Rejection,
    text: &str,
    read: impl Fn(&str) -> Option<Rejection>,
) -> Rejection {
    let mut members: Vec<(String, &str)> = match members(text) {
        Ok(members) if text.len() <= MAX_BYTES => {
            let raw = members.into_iter().map(|(name, value)| (name, value.get()));
            raw.collect()
        }
        _ => return first,
    };
    let (mut told, mut seen) = (first.clone(), Vec::new());
    let mut last = Some(first);
    while let Some(mistake) = last {
        let Some(wrong) = top_member(&mistake) else {
            break;
        };
        if !seen.contains(&wrong) {
            if !seen.is_empty() {
                told = told.with(mistake);
            }
            seen.push(wrong.clone());
        }
        if seen.len() == MAX_MISTAKES {
            break;
        }
        members.retain(|(name, _)| *name != wrong);
        last = read(&written(&members));
        for stand_in in STAND_INS {
            if !blames(last.as_ref(), &wrong) {
                break;
            }
            members.retain(|(name, _)| *name != wrong);
            members.push((wrong.clone(), stand_in));
            last = read(&written(&members));
        }
        if blames(last.as_ref(), &wrong) {
            break;
        }
    }
    told
}

fn blames(rejection: Option<&Rejection>, member: &str) -> bool {
    rejection.and_then(top_member).as_deref() == Some(member)
}

/// The member of the body in which the field to blame is.
fn top_member(rejection: &Rejection) -> Option<String> {
    let pointer = rejection.pointer.as_ref()?;
    let name = pointer.strip_prefix('/')?.split('/').next()?;
    Some(name.replace("~1", "/").replace("~0", "~"))
}

/// By hand, since a serializer could fail.
fn written(members: &[(String, &str)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::parse;
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read, never used")]
    struct Shape {
        text: String,
        list: Vec<String>,
        number: u32,
        inner: Inner,
        flag: Option<bool>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read, never used")]
    struct Inner {
        needed: bool,
    }

    fn told(text: &str) -> Vec<String> {
        let read = |text: &str| parse::<Shape>(text).err();
        let told = all_mistakes(read(text).unwrap(), text, read);
        let all = [&told].into_iter().chain(told.others.iter());
        all.map(|one| {
            let field = one.field.as_deref().unwrap_or("the body");
            format!("{} {field}", one.code.as_str())
        })
        .collect()
    }

    #[test]
    fn every_member_that_is_wrong_unknown_or_missing_is_told() {
        assert_eq!(
            told(r#"{"flag":1,"colour":1,"number":-1,"size":2}"#),
            [
                "invalid_request flag",
                "unknown_field colour",
                "invalid_value number",
                "unknown_field size",
                "missing_field text",
                "missing_field list",
                "missing_field inner",
            ]
        );
    }

    #[test]
    fn a_member_is_told_once_with_its_first_mistake() {
        assert_eq!(
            told(r#"{"text":"","list":[1,2],"number":1,"inner":{"needed":5}}"#),
            ["invalid_request list[0]", "invalid_request inner.needed"]
        );
        assert_eq!(
            told(r#"{"text":"a","text":"b","list":[],"number":1,"inner":{}}"#),
            ["invalid_request text", "missing_field inner.needed"]
        );
    }

    #[test]
    fn a_member_that_nothing_can_stand_in_for_ends_the_search() {
        // `inner` needs a member that no stand-in has: whether `flag` is right stays unknown.
        assert_eq!(
            told(r#"{"inner":5,"list":[],"colour":1}"#),
            [
                "invalid_request inner",
                "unknown_field colour",
                "missing_field text",
                "missing_field number",
            ]
        );
    }

    #[test]
    fn what_is_no_object_or_long_has_one_mistake() {
        assert_eq!(told("[1]"), ["invalid_request the body"]);
        let long = format!(r#"{{"text":"{}","a":1,"b":1}}"#, "x".repeat(MAX_BYTES));
        assert_eq!(told(&long), ["unknown_field a"]);
    }

    #[test]
    fn no_more_are_told_than_a_reader_takes_in() {
        let many: Vec<_> = (0..100).map(|n| format!(r#""a{n}":1"#)).collect();
        assert_eq!(told(&format!("{{{}}}", many.join(","))).len(), MAX_MISTAKES);
    }
}
