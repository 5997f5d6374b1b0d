//! One attempt of a delivery.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Trigger;
use crate::outcome::Outcome;
use crate::time::Time;

/// One HTTP request of a delivery and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Counts from 1 over automatic and manual attempts.
    pub number: u32,
    /// Who asked for it.
    pub trigger: Trigger,
    /// When it started; `webhook-timestamp` is this in seconds.
    pub at: Time,
    /// From start to answer.
    pub duration: Duration,
    /// The version of the webhook's configuration that it was made with.
    pub webhook_version: u32,
    /// Where it went.
    pub url: String,
    /// The contract it followed.
    pub contract: String,
    /// The signature header's value.
    pub signature: Option<String>,
    /// The names of the webhook's own headers that were sent; their values are secrets.
    pub own_headers: Vec<String>,
    /// What the catalogue called the event's type, where the envelope says it.
    pub type_name: Option<String>,
    /// What the envelope took from the webhook's or tenant's context, since the event did not say
    /// it.
    pub context: BTreeMap<String, String>,
    /// What came of it.
    pub outcome: Outcome,
}

impl Attempt {
    /// Without what its request said beside the event, and without what the receiver said.
    #[must_use]
    pub fn erased(self) -> Self {
        Self {
            context: BTreeMap::new(),
            outcome: self.outcome.erased(),
            ..self
        }
    }
}
