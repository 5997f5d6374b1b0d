//! What an event says, until its tenant has it erased.

use std::collections::BTreeMap;

use crate::time::Time;

/// What an event says. Nothing can be made of an erased one: there is no empty text that could be
/// sent in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// As it came.
    Kept(Content),
    /// Erased at this time.
    Erased(Time),
}

/// The facts of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The facts, as raw JSON.
    pub data: String,
    /// What an envelope needs beside them: raw JSON scalars by name.
    pub context: BTreeMap<String, String>,
}

impl Content {
    /// How many bytes it has: a request's body has a little more.
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
    /// What is left of it.
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
