//! The flows of an event through Postel, over the ports.
//!
//! The order is always: state, then queue, then acknowledgement. The outcome is recorded with its
//! next due time, then the next attempt is enqueued, then the message is deleted. A crash in
//! between leaves the message in its queue; when it comes back, only the missing step is done.
//!
//! The next step is in:
//!
//! 1. `publish`: the HTTP API stores the event and sends its key to the events queue. An event
//!    that a tenant sends to SQS itself begins with 2. `possible_duplicate` tells what happens when
//!    an event may have two messages.
//! 2. `deliver`: the dispatcher makes the attempts and records them. Its own list names the file
//!    of each step.
//! 3. `redrive`: a dead letter becomes due again, one alone or many in a job. Then 2.
//! 4. `sweep`: a due delivery without a message gets a new task. Then 2.
//! 5. `dlq`: a message from a dead-letter queue becomes a dead letter.
//! 6. `erase`: an event's content goes, and its deliveries end.

#[cfg(test)]
#[macro_use]
mod one_for_all {
    /// Implements a flow's accessors for a type that has one value for all its systems.
    macro_rules! one_for_all {
        ($one:ty: $($deps:ident { $($system:ident $accessor:ident),+ })+) => {
            $(impl $deps for $one {
                $(type $system = Self;
                fn $accessor(&self) -> &Self {
                    self
                })+
            })+
        };
    }
}

mod deliver;
mod dlq;
mod erase;
mod possible_duplicate;
mod publish;
mod redrive;
mod sweep;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use deliver::{
    Dispatcher, DispatcherDeps, FailingReceivers, PROMPT, QueueKind, QueueMessage,
    SlowReceiverDetector, TENANT_FULL, WEBHOOK_FULL, request_body, request_headers, retry_after,
};
pub(crate) use deliver::{FirstStep, NextStep, UnsignedRequest, own_headers};
pub use dlq::{DlqConsumer, DlqConsumerDeps};
pub use erase::erase;
pub use possible_duplicate::FirstAttempts;
pub use publish::{Published, Publisher};
pub use redrive::{RedriveRunner, RedriveRunnerDeps, redrive_delivery, request_manual_attempt};
pub use sweep::{SWEEP_SHARDS, Sweeper, SweeperDeps, Swept};

/// The operator's settings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Principals that may publish for every tenant: Postel's own functions.
    pub trusted_senders: Vec<String>,
    /// Sent as `user-agent`.
    pub user_agent: String,
}

/// The timeout of one AWS call, retries included. A call that exceeds it counts as failed: one
/// message is retried, instead of the whole batch timing out with the function. The adapters'
/// clients apply it.
pub const AWS_CALL_TIMEOUT: Duration = Duration::from_millis(2_400);

/// Time reserved at the end of an invocation. An attempt that would run into it is not started.
/// Recording an outcome needs at most two calls: one for the event, one for a delivery to retry.
pub const RECORDING_RESERVE: Duration = Duration::from_secs(5);

/// A lease outlasts its attempt's timeout by this much, since the clocks of two functions may
/// differ.
pub const LEASE_MARGIN: Duration = Duration::from_secs(10);
