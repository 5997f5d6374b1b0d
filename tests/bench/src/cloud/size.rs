//! The size of an item in DynamoDB's accounting, and the units it charges (Developer Guide, "Item
//! sizes and formats", "Read and write operations").

use serde_json::{Map, Value};

/// One item in DynamoDB's own notation.
pub(crate) type Item = Map<String, Value>;

/// The size of a write unit, in bytes.
const WRITE_UNIT: usize = 1024;
/// The size of a consistent read unit, in bytes.
const READ_UNIT: usize = 4096;

/// The size of an attribute; numbers at their upper bound.
fn value(typed: &Value) -> usize {
    let Some((kind, inner)) = typed.as_object().and_then(|typed| typed.iter().next()) else {
        return 0;
    };
    match (kind.as_str(), inner) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => number(digits),
        // Base64.
        ("B", Value::String(text)) => text.trim_end_matches('=').len() * 3 / 4,
        ("M", Value::Object(members)) => {
            3 + members
                .iter()
                .map(|(name, inner)| 1 + name.len() + value(inner))
                .sum::<usize>()
        }
        ("L", Value::Array(members)) => {
            3 + members.iter().map(|inner| 1 + value(inner)).sum::<usize>()
        }
        _ => 1,
    }
}

fn number(digits: &str) -> usize {
    let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
    let significant = plain
        .trim_start_matches('0')
        .trim_end_matches('0')
        .len()
        .max(1);
    significant.div_ceil(2) + 2
}

/// The size of an item, in bytes.
pub(crate) fn bytes(item: &Item) -> usize {
    item.iter()
        .map(|(name, inner)| name.len() + value(inner))
        .sum()
}

/// Write units for a number of bytes; at least one, even if a condition failed and nothing was
/// written.
pub(crate) fn write_units(bytes: usize) -> f64 {
    units(bytes, WRITE_UNIT)
}

/// Read units for a number of bytes in one call.
pub(crate) fn read_units(bytes: usize, consistent: bool) -> f64 {
    units(bytes, READ_UNIT) * if consistent { 1.0 } else { 0.5 }
}

fn units(bytes: usize, unit: usize) -> f64 {
    f64::from(u32::try_from(bytes.div_ceil(unit).max(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(value: Value) -> Item {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_items_bytes_are_its_names_and_its_values() {
        assert_eq!(bytes(&item(json!({"pk": {"S": "abc"}}))), 5);
        assert_eq!(bytes(&item(json!({"n": {"N": "1700000000000"}}))), 1 + 3);
        assert_eq!(bytes(&item(json!({"n": {"N": "123456"}}))), 1 + 5);
        assert_eq!(bytes(&item(json!({"l": {"L": [{"S": "ab"}]}}))), 1 + 3 + 3);
        assert_eq!(
            bytes(&item(json!({"m": {"M": {"k": {"BOOL": true}}}}))),
            1 + 3 + 3
        );
    }

    #[test]
    fn units_are_rounded_up_and_nothing_is_free() {
        assert_eq!([0, 1, 1024, 1025].map(write_units), [1.0, 1.0, 1.0, 2.0]);
        assert_eq!(
            [(0, true), (4096, true), (4097, true), (4097, false)]
                .map(|(bytes, consistent)| read_units(bytes, consistent)),
            [1.0, 1.0, 2.0, 1.0]
        );
    }
}
