//! The way out to receivers.

use std::future::Future;
use std::time::Duration;

use crate::contract::Secret;
use crate::outcome::{Outcome, OutgoingRequest};

/// The only way out to receivers.
pub trait Sender {
    /// POSTs once. Whatever happens is an outcome.
    fn post(&self, request: &OutgoingRequest) -> impl Future<Output = Outcome> + Send;
    /// The outcome as it is kept, [without these secrets](Outcome::redacting). With many secrets
    /// that begin alike this takes as long as ten records: whoever has threads for what receivers
    /// send does it there, and keeps less of the outcome where it would take longer than `within`.
    fn hide(
        &self,
        outcome: Outcome,
        secrets: Vec<Secret>,
        _within: Duration,
    ) -> impl Future<Output = Outcome> + Send {
        async move { outcome.redacting(secrets.iter().map(Secret::expose)) }
    }
}
