//! Deliveries for `test_signatures.py`, a JSON line each: `messages COUNT SEED UNIX_SECONDS`.

use std::io::{BufWriter, Write as _};

use serde_json::{Map, Value, json};

fn main() -> std::io::Result<()> {
    let given: Vec<i64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let [count, seed, at] = given[..] else {
        return Err(std::io::Error::other(
            "usage: messages COUNT SEED UNIX_SECONDS",
        ));
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    for message in oracles::messages(count.unsigned_abs() as usize, seed.unsigned_abs(), at) {
        let headers: Map<String, Value> = message
            .headers
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect();
        let body = String::from_utf8(message.body).map_err(std::io::Error::other)?;
        writeln!(
            out,
            "{}",
            json!({"secrets": message.secrets, "headers": headers, "body": body})
        )?;
    }
    out.flush()
}
