//! The content of an event, until its tenant erases it.

use std::collections::BTreeMap;

use crate::time::Time;

/// The content of an event. Nothing can be sent for an erased event: there is no empty text in its
/// place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The content as received.
    Kept(Content),
    /// Erased at this time.
    Erased(Time),
}

/// The content of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The data, as raw JSON.
    pub data: String,
    /// Values for the envelope in addition to the data: raw JSON scalars by name.
    pub context: BTreeMap<String, String>,
}

impl Content {
    /// Its size in bytes: a request's body is a little larger.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let context = self.context.iter();
        self.data.len()
            + context
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>()
    }
}

impl Payload {
    /// The content, if it is not erased.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match self {
            Self::Kept(content) => Some(content),
            Self::Erased(_) => None,
        }
    }

    /// When it was erased, if it was.
    #[must_use]
    pub const fn erased_at(&self) -> Option<Time> {
        match self {
            Self::Kept(_) => None,
            Self::Erased(at) => Some(*at),
        }
    }
}
