//! Strict JSON objects: an object and nothing else, no member twice, not nested too deep.
//!
//! serde by itself accepts an array for a struct, with the values by position: `["acme", null,
//! "a.b", null, 1]` would be an event. For a member that is given twice, it rejects the second in a
//! struct and keeps the last in a map. A caller's mistake would go unnoticed.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::event::MAX_JSON_DEPTH;
use crate::json_error;
use crate::rejection::{BodyPath, Code, Rejection};

mod mistakes;

pub use self::mistakes::all_mistakes;

/// The maximum size of a path in an error, in bytes.
const MAX_PATH_BYTES: usize = 150;

/// A value read from an object.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Shape(PhantomData))
    }
}

struct Shape<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// An object's members in their order. A member that is given twice is rejected, because it is
/// ambiguous which one counts.
pub struct Members<V>(pub Vec<(String, V)>);

impl<V> Members<V> {
    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value)
    }

    /// Removes a member and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        let at = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(at).1)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Members<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Each<V> {
            type Value = Members<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut read: A) -> Result<Members<V>, A::Error> {
                let (mut members, mut names) = (Vec::new(), HashSet::new());
                while let Some((name, value)) = read.next_entry::<String, V>()? {
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom(format!("duplicate field `{name}`")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each(PhantomData))
    }
}

impl<V: Serialize> Serialize for Members<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// For fields: `#[serde(deserialize_with = "object_field")]`.
///
/// # Errors
/// If the value is not an object, or not of this shape.
pub fn object_field<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// Reads an object from JSON text.
///
/// # Errors
/// If the text is not an object, or not of this shape.
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    serde_json::from_str(text).map(|Object(value)| value)
}

/// Reads an object from a caller's text, with errors in the caller's words.
///
/// # Errors
/// The first mistake, and the member to blame. [`all_mistakes`] finds the others.
pub fn parse<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Rejection> {
    parse_any(text).map(|Object(value)| value)
}

/// The same for values that need not be an object.
///
/// # Errors
/// What is wrong, and the member that caused it.
pub fn parse_any<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Rejection> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|e| json_error::rejection(e.inner(), &BodyPath::from(e.path()), text))?;
    deserializer
        .end()
        .map_err(|e| json_error::rejection(&e, &BodyPath::default(), text))?;
    Ok(value)
}

/// Checks rules that apply to every shape: nothing is nested too deep, and no object at any level
/// has two members with the same name.
///
/// Text that is not JSON passes: parsing it reports the error.
///
/// # Errors
/// `too_deep`; or `invalid_request` for a member that is given twice, `invalid_header` if it is one
/// of `headers`, as for two spellings of one header.
pub fn check(text: &str) -> Result<(), Rejection> {
    if is_too_deep(text, MAX_JSON_DEPTH) {
        let members = members(text).unwrap_or_default();
        let deepest = members
            .into_iter()
            .find(|(_, value)| is_too_deep(value.get(), MAX_JSON_DEPTH - 1));
        let rejection = json_error::too_deep();
        return Err(match deepest {
            Some((name, _)) => rejection.field(name),
            None => rejection,
        });
    }
    // A list of values still to check, instead of recursion.
    let mut todo = vec![(String::new(), text)];
    while let Some((path, text)) = todo.pop() {
        for (below, value) in children(&path, text)? {
            if value.get().starts_with(['{', '[']) {
                todo.push((below, value.get()));
            }
        }
    }
    Ok(())
}

/// The values in an object or a list, each with its path.
fn children<'a>(path: &str, text: &'a str) -> Result<Vec<(String, &'a RawValue)>, Rejection> {
    if text.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let numbered = items.into_iter().enumerate();
        return Ok(numbered
            .map(|(index, item)| (short_path(format!("{path}[{index}]")), item))
            .collect());
    }
    let members = members(text).unwrap_or_default();
    let mut seen = HashSet::new();
    let mut children = Vec::with_capacity(members.len());
    for (name, value) in &members {
        let below = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        if !seen.insert(name) {
            let code = match path {
                "headers" => Code::InvalidHeader,
                _ => Code::InvalidRequest,
            };
            let below = short_path(below);
            return Err(Rejection::new(code, format!("`{below}` is given twice.")).field(below));
        }
        children.push((short_path(below), *value));
    }
    Ok(children)
}

/// Thousands of values may each have a path, so a long name is not repeated in all of them.
fn short_path(mut path: String) -> String {
    path.truncate(path.floor_char_boundary(MAX_PATH_BYTES));
    path
}

/// Counts brackets outside of strings. `RawValue` skips its text without recursion, so serde_json's
/// own limit does not apply to it.
pub(crate) fn is_too_deep(text: &str, levels: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

/// The members of an object in their order, including those that are given twice.
fn members(text: &str) -> serde_json::Result<Vec<(String, &RawValue)>> {
    struct All;

    impl<'de> Visitor<'de> for All {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    serde_json::Deserializer::from_str(text).deserialize_map(All)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Two<'a> {
        first: u8,
        #[serde(borrow)]
        second: &'a RawValue,
    }

    #[test]
    fn members_keep_their_order_and_their_spelling_and_none_is_given_twice() {
        let text = r#"{"z":1.50,"a":12345678901234567890123}"#;
        let mut read: Members<Box<RawValue>> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(read.get("z").map(|raw| raw.get()), Some("1.50"));
        assert!(read.remove("z").is_some() && read.remove("z").is_none());
        for wrong in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, "[]", "1"] {
            let refused = serde_json::from_str::<Members<u8>>(wrong).err().unwrap();
            assert!(refused.is_data(), "{wrong}: {refused}");
        }
    }

    #[test]
    fn an_array_is_no_object_and_an_object_keeps_its_raw_members() {
        let read: Two<'_> = from_str(r#"{"first": 1, "second": [1.50]}"#).unwrap();
        assert_eq!((read.first, read.second.get()), (1, "[1.50]"));
        let read: Two<'_> = parse(r#"{"first": 1, "second": [1.50]}"#).unwrap();
        assert_eq!((read.first, read.second.get()), (1, "[1.50]"));
        let refused = from_str::<Two<'_>>("[1, 2]").err().unwrap();
        assert!(refused.is_data(), "{refused}");
    }

    fn told(text: &str) -> Option<(&'static str, Option<String>)> {
        let rejection = check(text).err()?;
        Some((rejection.code.as_str(), rejection.field.map(String::from)))
    }

    #[test]
    fn a_name_that_is_given_twice_is_found_wherever_it_stands() {
        for (text, code, field) in [
            (r#"{"name":"a","name":"b"}"#, "invalid_request", "name"),
            (r#"{"n\u0061me":"a","name":"b"}"#, "invalid_request", "name"),
            (
                r#" {"a":1,"b":{"c":[0,{"d":1,"d":2}]}}"#,
                "invalid_request",
                "b.c[1].d",
            ),
            (
                r#"{"headers":{"X-A":"1","X-A":"2"}}"#,
                "invalid_header",
                "headers.X-A",
            ),
            (r#"[{},{"a":1,"a":2}]"#, "invalid_request", "[1].a"),
        ] {
            assert_eq!(told(text), Some((code, Some(field.to_owned()))), "{text}");
        }
        for text in [
            r#"{"a":{"a":[{"a":1},{"a":1}]}}"#,
            r#"{"a":1,"A":1}"#,
            "{",
            "",
            "1",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_the_member_named() {
        let nested = |levels: usize| {
            format!(
                r#"{{"a":1,"example":{}{}}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            )
        };
        assert_eq!(told(&nested(MAX_JSON_DEPTH - 1)), None);
        for levels in [MAX_JSON_DEPTH, 5_000] {
            let wanted = Some(("too_deep", Some("example".to_owned())));
            assert_eq!(told(&nested(levels)), wanted, "{levels}");
        }
    }

    #[test]
    fn a_long_name_is_not_kept_for_each_value_below_it() {
        let many = "[],".repeat(1_000);
        let text = format!(
            r#"{{"{}":[{many}{{"a":1,"a":2}}]}}"#,
            "\u{e9}".repeat(10_000)
        );
        let (code, field) = told(&text).unwrap();
        assert_eq!(code, "invalid_request");
        assert!(field.unwrap().len() <= MAX_PATH_BYTES);
    }
}
