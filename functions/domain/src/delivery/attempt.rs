//! One attempt of a delivery.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Trigger;
use crate::outcome::Outcome;
use crate::time::Time;

/// One HTTP request of a delivery and its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Counts from 1 over automatic and manual attempts.
    pub number: u32,
    /// Who requested it.
    pub trigger: Trigger,
    /// When it started; `webhook-timestamp` is this in seconds.
    pub at: Time,
    /// From start to response.
    pub duration: Duration,
    /// The version of the webhook's configuration that it used.
    pub webhook_version: u32,
    /// The URL of the request.
    pub url: String,
    /// The contract it followed.
    pub contract: String,
    /// The signature header's value.
    pub signature: Option<String>,
    /// The names of the webhook's own headers that were sent; their values are secrets.
    pub own_headers: Vec<String>,
    /// The catalogue's display name of the event's type, where the envelope contains it.
    pub type_name: Option<String>,
    /// The values that the envelope took from the webhook's or tenant's context, because the
    /// event's context lacked them.
    pub context: BTreeMap<String, String>,
    /// The outcome.
    pub outcome: Outcome,
}

impl Attempt {
    /// The attempt without the parts of its request that are not the event's, and without the
    /// receiver's response.
    #[must_use]
    pub fn erased(self) -> Self {
        Self {
            context: BTreeMap::new(),
            outcome: self.outcome.erased(),
            ..self
        }
    }
}
