//! Metrics and logs for operators.

use std::time::Duration;

use crate::dead_letter::DeadLetter;
use crate::delivery::{Attempt, Delivery, Verdict};
use crate::ports::Fault;
use crate::tenant::WebhookVersion;

/// Logs and counters: one log line per attempt.
pub trait Telemetry {
    /// An attempt was made.
    fn attempt_finished(&self, delivery: &Delivery, attempt: &Attempt, verdict: Verdict);
    /// A first attempt from the events queue has ended. `latency` is the time since the event was
    /// accepted. First attempts on the slow lane are left out: they wait on purpose.
    fn first_attempt_finished(&self, latency: Duration);
    /// A message was rejected.
    fn message_rejected(&self, dead: &DeadLetter);
    /// A message became a dead letter because it, or a row that it needs, cannot be read. `message`
    /// is its id.
    fn message_unreadable(&self, message: &str, fault: &Fault);
    /// A message of a delivery was lost, and the sweeper enqueues another.
    fn message_lost(&self, delivery: &Delivery);
    /// A delivery was given up without an attempt.
    fn delivery_abandoned(&self, dead: &DeadLetter);
    /// An event was accepted at the events queue.
    fn event_accepted(&self);
    /// A webhook moves to the slow lane, or back.
    fn slow_lane_changed(&self, webhook: &WebhookVersion, is_slow: bool);
}
