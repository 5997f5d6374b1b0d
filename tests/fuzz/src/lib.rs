//! Rules for arbitrary input, as one function per parser: `cargo test` runs each over its corpus
//! and mutations of it, cargo-fuzz for as long as desired (`fuzz/`). A function panics if its rule
//! does not hold, and does nothing else.

mod events;
mod outside;
mod rules;
mod words;

pub use events::{delivery_task, event, lambda};
pub use outside::{header, retry_after, url};
pub use rules::{contract, event_filter, requests, template};
pub use words::{api_key, cursor, identifiers, secret};

/// A name, and a rule for every input.
pub type Target = (&'static str, fn(&[u8]));

/// Name and function of each, as the corpus and cargo-fuzz name them.
pub const TARGETS: [Target; 14] = [
    ("event", event),
    ("delivery_task", delivery_task),
    ("lambda", lambda),
    ("url", url),
    ("header", header),
    ("retry_after", retry_after),
    ("contract", contract),
    ("template", template),
    ("event_filter", event_filter),
    ("requests", requests),
    ("cursor", cursor),
    ("api_key", api_key),
    ("identifiers", identifiers),
    ("secret", secret),
];

/// The input as text, or the nearest text: most parsers here read text.
fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// Two texts from one input, separated by a line break.
fn two(data: &[u8]) -> (String, String) {
    let text = text(data);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    (first.to_owned(), second.to_owned())
}

/// A number from the input's first eight bytes, and the rest.
fn number(data: &[u8]) -> (i64, &[u8]) {
    let (head, rest) = data.split_at(data.len().min(8));
    let mut bytes = [0u8; 8];
    bytes[..head.len()].copy_from_slice(head);
    (i64::from_le_bytes(bytes), rest)
}
