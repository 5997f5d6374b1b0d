//! The slow lane: a queue with a concurrency of its own for webhooks that keep the others waiting.

use std::future::Future;

use super::{Errand, Fault};
use crate::tenant::WebhookVersion;
use crate::time::Time;

/// The way to the slow lane.
pub trait SlowLane {
    /// Enqueues an errand there, at once.
    fn sidetrack(&self, errand: &Errand) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Which webhooks are slow, for all dispatchers to see.
pub trait Marks {
    /// Marks a webhook as slow if it is still of this version. True if it was not marked, and this call did it.
    fn mark_slow(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Takes the mark of this time away. False if another call did, or the webhook has been marked anew or is of another version.
    fn unmark_slow(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}
