//! Sends requests to receivers.

use std::future::Future;
use std::time::Duration;

use crate::contract::Secret;
use crate::outcome::{Outcome, OutgoingRequest};

/// The only way to send a request to a receiver.
pub trait Sender {
    /// POSTs once. Every result is an outcome.
    fn post(&self, request: &OutgoingRequest) -> impl Future<Output = Outcome> + Send;
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
