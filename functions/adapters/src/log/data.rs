//! An event's data as it is stored: text, or deflated where that saves write units. A write unit is 1 KB and the dearest part of an event; JSON
//! deflates to a third or less.

use std::fmt;

use domain::event::LONGEST_EVENT_BYTES;
use domain::ports::{Fault, Stage};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Up to here data stays text: with what else an event's item holds, it fits into one write unit.
const LONGEST_TEXT: usize = 700;
/// The fastest. Higher ones take several times the processor for a tenth less.
const LEVEL: u8 = 1;

/// A string attribute or a binary one: which of them tells how it is to be read.
#[derive(Debug, PartialEq)]
pub(super) enum Data {
    Text(String),
    Deflated(Vec<u8>),
}

impl Data {
    /// Deflated if it is long and gets shorter by it.
    pub(super) fn of(text: &str) -> Self {
        if text.len() > LONGEST_TEXT {
            let deflated = compress_to_vec(text.as_bytes(), LEVEL);
            if deflated.len() < text.len() {
                return Self::Deflated(deflated);
            }
        }
        Self::Text(text.to_owned())
    }

    /// As it came.
    pub(super) fn text(self) -> Result<String, Fault> {
        let corrupt = |what: String| Fault::new(Stage::ReadLog, what);
        match self {
            Self::Text(text) => Ok(text),
            Self::Deflated(bytes) => {
                let text = decompress_to_vec_with_limit(&bytes, LONGEST_EVENT_BYTES)
                    .map_err(|e| corrupt(format!("an event's data does not inflate: {e}")))?;
                String::from_utf8(text).map_err(|e| corrupt(e.to_string()))
            }
        }
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Deflated(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not an untagged enum: to that, bytes that happen to be UTF-8 are a string as well.
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Data, E> {
                Ok(Data::Text(text.to_owned()))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Data, E> {
                Ok(Data::Text(text))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Data, E> {
                Ok(Data::Deflated(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Data, E> {
                Ok(Data::Deflated(bytes))
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

    fn stored(data: &Data) -> AttributeValue {
        serde_dynamo::to_attribute_value(data).unwrap()
    }

    fn read(value: AttributeValue) -> Data {
        serde_dynamo::from_attribute_value(value).unwrap()
    }

    proptest! {
        #[test]
        fn data_reads_as_it_was_written(text in "\\PC{0,50}", times in 1..200_usize) {
            let text = text.repeat(times);
            prop_assert_eq!(read(stored(&Data::of(&text))).text().unwrap(), text);
        }
    }

    #[test]
    fn short_data_is_a_string_and_long_data_bytes_that_are_fewer() {
        let json = r#"{"id": "item_1", "state": "done", "at": "2026-01-31T00:00:00Z"}"#;
        assert_eq!(stored(&Data::of(json)), AttributeValue::S(json.to_owned()));
        let long = format!("[{}]", vec![json; 130].join(","));
        match stored(&Data::of(&long)) {
            AttributeValue::B(bytes) => assert!(bytes.as_ref().len() * 3 < long.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_an_earlier_version_stored_is_read() {
        let long = "x".repeat(5000);
        assert_eq!(read(AttributeValue::S(long.clone())).text().unwrap(), long);
    }

    #[test]
    fn bytes_that_are_text_by_chance_are_still_inflated() {
        assert_eq!(
            read(AttributeValue::B(vec![0x41].into())),
            Data::Deflated(vec![0x41])
        );
    }

    #[test]
    fn data_that_inflates_beyond_an_events_limit_is_a_fault() {
        let bomb = compress_to_vec(&vec![b'x'; LONGEST_EVENT_BYTES + 1], LEVEL);
        assert!(Data::Deflated(bomb).text().is_err());
        assert!(Data::Deflated(vec![0xff; 10]).text().is_err());
    }
}
