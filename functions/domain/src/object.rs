//! A JSON object and nothing else.
//!
//! serde by itself takes an array for a struct as well, its values by their places: `["acme", null, "a.b", null, 1]` would be an event, and a caller's
//! mistake would go unnoticed.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What is read of an object.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// Reads an object from JSON text.
///
/// # Errors
/// If it is no object, or not of this shape.
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    serde_json::from_str(text).map(|Object(value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Deserialize)]
    struct Two<'a> {
        first: u8,
        #[serde(borrow)]
        second: &'a RawValue,
    }

    #[test]
    fn an_array_is_no_object_and_an_object_keeps_its_raw_members() {
        let read: Two<'_> = from_str(r#"{"first": 1, "second": [1.50]}"#).unwrap();
        assert_eq!((read.first, read.second.get()), (1, "[1.50]"));
        let refused = from_str::<Two<'_>>("[1, 2]").err().unwrap();
        assert!(refused.is_data(), "{refused}");
    }
}
