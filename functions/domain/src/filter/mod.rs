//! A webhook's filter: an event pattern in the language of Amazon EventBridge, over
//! `{type, data, context}` of an event.
//!
//! The language is that of the page "Comparison operators for use in event patterns" of the
//! EventBridge User Guide; where the page is silent, of `aws/event-ruler`, which EventBridge uses.
//! There is one difference: numbers are compared by their value everywhere, so that 300, 300.0 and
//! 3e2 are one number.
//!
//! A filter comes from a tenant and the data from a publisher: reading one is bounded by
//! [`MAX_FILTER_BYTES`], evaluating it by a number of steps (`evaluate.rs`). Tests:
//! `filter/tests`, and as an independent second opinion `tests/oracles/tests/filters.rs`.

mod decimal;
mod document;
mod evaluate;
mod json;
mod pattern;
mod rule;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use self::evaluate::Evaluation;
use self::pattern::Pattern;
use crate::rejection::{Code, Rejection};

pub use self::document::{Document, Selection};
pub use self::pattern::{MAX_FILTER_BYTES, MAX_FILTER_LEAVES, MAX_FILTER_LEVELS};

/// The name of the member that has a filter.
const FIELD: &str = "filter";

/// A filter that keeps the rules. It is stored as its text; a text that this version cannot read
/// makes the row unreadable, since it is not known which events the webhook gets.
#[derive(Clone, Debug)]
pub struct Filter(Arc<Read>);

#[derive(Debug)]
struct Read {
    json: Box<RawValue>,
    pattern: Pattern,
    leaves: usize,
}

/// What a filter says about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the event matches.
    pub is_match: bool,
    /// Whether the evaluation ended at its limit of steps: then the event matches.
    pub is_cut: bool,
    /// Each field with a list of values, in the order of the filter.
    pub leaves: Vec<LeafVerdict>,
}

/// What one field of a filter says, regardless of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafVerdict {
    /// The names from the event down to the field, with full stops.
    pub field: String,
    /// Whether the event matches.
    pub is_match: bool,
}

impl Verdict {
    /// The first field that does not match. `None` if each matches alone, but not all of them the
    /// same item of a list.
    #[must_use]
    pub fn first_mismatch(&self) -> Option<&str> {
        let mut failed = self.leaves.iter().filter(|leaf| !leaf.is_match);
        failed.next().map(|leaf| leaf.field.as_str())
    }
}

impl Filter {
    /// Reads the JSON of a filter.
    ///
    /// # Errors
    /// `invalid_pattern` with the place of the first mistake.
    pub fn parse(json: &str) -> Result<Self, Rejection> {
        let text = without_space(json);
        let pattern = pattern::read(&text, FIELD)?;
        let leaves = pattern.leaves().len();
        let json = RawValue::from_string(text)
            .map_err(|_| Rejection::new(Code::InvalidPattern, "A filter is JSON.").field(FIELD))?;
        Ok(Self(Arc::new(Read {
            json,
            pattern,
            leaves,
        })))
    }

    /// Its JSON.
    #[must_use]
    pub fn json(&self) -> &RawValue {
        &self.0.json
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.json.get()
    }

    /// Whether an event matches.
    #[must_use]
    pub fn matches(&self, document: &Document<'_>) -> bool {
        let mut evaluation = Evaluation::new(&document.root, self.0.leaves);
        evaluation.matches(&self.0.pattern).unwrap_or(true)
    }

    /// The same with what each field says.
    #[must_use]
    pub fn verdict(&self, document: &Document<'_>) -> Verdict {
        let evaluation = || Evaluation::new(&document.root, self.0.leaves);
        let whole = evaluation().matches(&self.0.pattern);
        let leaves = self.0.pattern.leaves().into_iter();
        Verdict {
            is_cut: whole.is_err(),
            is_match: whole.unwrap_or(true),
            leaves: leaves
                .map(|leaf| LeafVerdict {
                    field: leaf.path.join("."),
                    is_match: evaluation().matches_leaf(leaf).unwrap_or(true),
                })
                .collect(),
        }
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Filter {}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// JSON without the space between its parts.
fn without_space(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let keep = |letter: &char| {
        let is_space = !is_text && letter.is_ascii_whitespace();
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_text,
            '"' => is_text = !is_text,
            _ => {}
        }
        !is_space
    };
    json.chars().filter(keep).collect()
}
