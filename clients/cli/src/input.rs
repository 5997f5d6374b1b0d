//! What a caller gives as a file, on standard input or in the command line.

use std::fs::File;
use std::io::{self, Read as _};

use serde_json::{Map, Value};

use crate::failure::Failure;

/// More than any request may have.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// A file's bytes, or those of standard input for `-`.
pub(crate) fn bytes(name: &str) -> Result<Vec<u8>, Failure> {
    let cannot = |error: io::Error| Failure::usage(format!("{name} cannot be read: {error}."));
    let mut source: Box<dyn io::Read> = match name {
        "-" => Box::new(io::stdin().lock()),
        name => Box::new(File::open(name).map_err(cannot)?),
    };
    let mut bytes = Vec::new();
    source
        .by_ref()
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    match bytes.len() as u64 > MAX_BYTES {
        true => {
            Err(Failure::usage(format!("{name} is larger than 8 MiB."))
                .hint("Give less at a time."))
        }
        false => Ok(bytes),
    }
}

/// The same as UTF-8.
pub(crate) fn text(name: &str) -> Result<String, Failure> {
    String::from_utf8(bytes(name)?).map_err(|_| Failure::usage(format!("{name} is not UTF-8.")))
}

/// A JSON object.
pub(crate) fn object(name: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(&text(name)?).map_err(|error| {
        Failure::usage(format!("{name} is no JSON object: {error}."))
            .hint("Write {\"name\": …} as docs/api.md describes it.")
    })
}

/// JSON in the command line, if it looks like that, or in a file.
pub(crate) fn json(given: &str) -> Result<Value, Failure> {
    let is_json = given == "null" || given.trim_start().starts_with('{');
    let text = match is_json {
        true => given.to_owned(),
        false => text(given)?,
    };
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{given} is no JSON: {error}.")))
}

/// The object of `--file`, if one is named.
pub(crate) fn given(file: Option<&str>) -> Result<Map<String, Value>, Failure> {
    file.map_or_else(|| Ok(Map::new()), object)
}

/// `name=value`, the value as JSON where it is a number, a boolean or null, else as a text.
pub(crate) fn pair(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not name=value"))?;
    let value = match serde_json::from_str(value) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
        _ => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

/// Pairs as an object, if there are any.
pub(crate) fn pairs(pairs: &[(String, Value)]) -> Option<Value> {
    (!pairs.is_empty()).then(|| Value::Object(pairs.iter().cloned().collect()))
}

/// Random letters and digits: names of runs and requests.
pub(crate) fn random() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::usage(format!("The system gives no random numbers: {error}.")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A random number from 0 to 1, which spreads waits.
pub(crate) fn chance() -> Result<f64, Failure> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::usage(format!("The system gives no random numbers: {error}.")))?;
    Ok(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_given_itself_or_in_a_file() {
        assert_eq!(super::json("null").ok(), Some(json!(null)));
        assert_eq!(super::json(" {\"a\": 1}").ok(), Some(json!({"a": 1})));
        assert!(super::json("{").is_err() && super::json("no-such-file.json").is_err());
    }

    #[test]
    fn a_pair_keeps_numbers_and_leaves_texts_alone() {
        for (text, value) in [
            ("k=1", json!(1)),
            ("k=true", json!(true)),
            ("k=null", json!(null)),
            ("k=a=b", json!("a=b")),
            ("k=", json!("")),
            ("k={\"a\":1}", json!("{\"a\":1}")),
        ] {
            assert_eq!(pair(text), Ok(("k".to_owned(), value)), "{text}");
        }
        assert!(pair("k").is_err());
    }
}
