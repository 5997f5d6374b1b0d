//! The stored form of an event's data and its message's id: text, or a shorter form where that
//! saves write units. A write unit is 1 KB and the most expensive part of an event; JSON deflates
//! to a third or less.

use std::fmt;

use domain::event::MAX_EVENT_BYTES;
use domain::ports::{Fault, Stage};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Data up to this size stays text: with the other attributes of an event's item, it fits into one
/// write unit.
const MAX_TEXT: usize = 680;
/// The fastest level. Higher ones take several times the processor time and save a tenth.
const LEVEL: u8 = 1;

/// A string or a binary attribute: the type shows how to read it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Packed {
    Text(String),
    Bytes(Vec<u8>),
}

impl Packed {
    /// An event's data: deflated if it is long and deflating makes it shorter.
    pub(crate) fn data(text: &str) -> Self {
        if text.len() > MAX_TEXT {
            let deflated = compress_to_vec(text.as_bytes(), LEVEL);
            if deflated.len() < text.len() {
                return Self::Bytes(deflated);
            }
        }
        Self::Text(text.to_owned())
    }

    /// An event's original data.
    pub(super) fn into_data(self) -> Result<String, Fault> {
        self.into_text(MAX_EVENT_BYTES)
    }

    /// The original of a text of at most this many bytes.
    pub(crate) fn into_text(self, most: usize) -> Result<String, Fault> {
        let corrupt = |what: String| Fault::corrupt(Stage::ReadStore, what);
        match self {
            Self::Text(text) => Ok(text),
            Self::Bytes(bytes) => {
                let text = decompress_to_vec_with_limit(&bytes, most)
                    .map_err(|e| corrupt(format!("a stored text does not inflate: {e}")))?;
                String::from_utf8(text).map_err(|e| corrupt(e.to_string()))
            }
        }
    }

    /// SQS's id of a message: sixteen bytes if it is a UUID as SQS writes it.
    pub(super) fn message_id(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.to_string() == text => Self::Bytes(uuid.into_bytes().to_vec()),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// SQS's original id of a message.
    pub(super) fn into_message_id(self) -> Result<String, Fault> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bytes(bytes) => Uuid::from_slice(&bytes)
                .map(|uuid| uuid.to_string())
                .map_err(|_| Fault::corrupt(Stage::ReadStore, "a message's id is no UUID")),
        }
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not an untagged enum: it would also take bytes that happen to be UTF-8 for a string.
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Packed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Packed, E> {
                Ok(Packed::Text(text.to_owned()))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Packed, E> {
                Ok(Packed::Text(text))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Packed, E> {
                Ok(Packed::Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Packed, E> {
                Ok(Packed::Bytes(bytes))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use proptest::prelude::*;

    use super::*;

    fn stored(data: &Packed) -> AttributeValue {
        serde_dynamo::to_attribute_value(data).unwrap()
    }

    fn read(value: AttributeValue) -> Packed {
        serde_dynamo::from_attribute_value(value).unwrap()
    }

    #[test]
    fn a_messages_id_reads_as_it_was_written() {
        let uuid = "00000000-0a1b-4c2d-8e3f-0123456789ab";
        assert_eq!(
            stored(&Packed::message_id(uuid)),
            AttributeValue::B(
                u128::to_be_bytes(0x0a1b_4c2d_8e3f_0123_4567_89ab)
                    .to_vec()
                    .into()
            )
        );
        for id in [
            uuid,
            "0A1B4C2D-0000-4000-8000-0123456789AB",
            "0a1b4c2d000040008000012345678901",
            "{0a1b4c2d-0000-4000-8000-0123456789ab}",
            "urn:uuid:0a1b4c2d-0000-4000-8000-0123456789ab",
            "m-1",
            "",
            "--",
        ] {
            let read = read(stored(&Packed::message_id(id))).into_message_id();
            assert_eq!(read.unwrap(), id);
        }
    }

    proptest! {
        #[test]
        fn data_reads_as_it_was_written(text in "\\PC{0,50}", times in 1..200_usize) {
            let text = text.repeat(times);
            prop_assert_eq!(read(stored(&Packed::data(&text))).into_data().unwrap(), text);
        }
    }

    #[test]
    fn short_data_is_a_string_and_long_data_bytes_that_are_fewer() {
        let json = r#"{"id": "item_1", "state": "done", "at": "2026-01-31T00:00:00Z"}"#;
        assert_eq!(
            stored(&Packed::data(json)),
            AttributeValue::S(json.to_owned())
        );
        let long = format!("[{}]", vec![json; 130].join(","));
        match stored(&Packed::data(&long)) {
            AttributeValue::B(bytes) => assert!(bytes.as_ref().len() * 3 < long.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_an_earlier_version_stored_is_read() {
        let long = "x".repeat(5000);
        assert_eq!(
            read(AttributeValue::S(long.clone())).into_data().unwrap(),
            long
        );
    }

    #[test]
    fn bytes_that_are_text_by_chance_are_still_inflated() {
        assert_eq!(
            read(AttributeValue::B(vec![0x41].into())),
            Packed::Bytes(vec![0x41])
        );
    }

    #[test]
    fn data_that_inflates_beyond_an_events_limit_is_a_fault() {
        let bomb = compress_to_vec(&vec![b'x'; MAX_EVENT_BYTES + 1], LEVEL);
        assert!(Packed::Bytes(bomb).into_data().is_err());
        assert!(Packed::Bytes(vec![0xff; 10]).into_data().is_err());
    }
}
