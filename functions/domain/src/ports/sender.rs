//! Sends requests to receivers.

use std::future::Future;
use std::time::Duration;

use crate::contract::{Contract, Secret};
use crate::delivery::Trigger;
use crate::event::Event;
use crate::outcome::{Outcome, OutgoingRequest};
use crate::tenant::Webhook;

/// The attempt that a request belongs to, for records: what a receiver gets is in the request
/// alone.
#[derive(Clone, Copy)]
pub struct AttemptContext<'a> {
    /// The webhook.
    pub webhook: &'a Webhook,
    /// The contract that the request follows.
    pub contract: &'a Contract,
    /// The event.
    pub event: &'a Event,
    /// The attempt's number.
    pub number: u32,
    /// Who asked for the attempt.
    pub trigger: Trigger,
    /// The secrets that the request was signed with.
    pub secrets: &'a [Secret],
    /// The names of the webhook's own headers in the request; their values are secrets.
    pub own_headers: &'a [String],
}

/// The only way to send a request to a receiver.
pub trait Sender {
    /// POSTs once. Every result is an outcome.
    fn post(
        &self,
        request: &OutgoingRequest,
        attempt: &AttemptContext<'_>,
    ) -> impl Future<Output = Outcome> + Send;
    /// The outcome as it is stored, [without these secrets](Outcome::redacting). With many secrets
    /// that have a common prefix this takes as long as ten writes of records. An implementation
    /// with worker threads runs it there, and keeps less of the outcome if it would take longer
    /// than `within`.
    fn hide(
        &self,
        outcome: Outcome,
        secrets: Vec<Secret>,
        _within: Duration,
    ) -> impl Future<Output = Outcome> + Send {
        async move { outcome.redacting(secrets.iter().map(Secret::expose)) }
    }
}
