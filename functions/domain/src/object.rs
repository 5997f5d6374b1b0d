//! A JSON object and nothing else.
//!
//! serde by itself takes an array for a struct as well, its values by their places: `["acme", null, "a.b", null, 1]` would be an event, and a caller's
//! mistake would go unnoticed.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is read of an object.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Inner(PhantomData))
    }
}

struct Inner<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// An object's members in the order in which they are written. One that is given twice is refused: which of them counts is anybody's guess.
pub struct Members<V>(pub Vec<(String, V)>);

impl<V> Members<V> {
    /// One member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value)
    }

    /// Takes a member out.
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
        let refused = from_str::<Two<'_>>("[1, 2]").err().unwrap();
        assert!(refused.is_data(), "{refused}");
    }
}
