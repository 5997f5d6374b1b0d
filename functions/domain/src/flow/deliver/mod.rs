//! The dispatcher: from a queue's message to the receivers' responses on record.
//!
//! A message of the events queue, step by step, each in its file: `dispatch`, `event_message`,
//! `intake`, `first_attempts`, `attempt`, then `inline_deliveries` or `record`.
//!
//! A message of the deliveries queue or of the slow lane: `dispatch`, `delivery_task`, `attempt`,
//! `record`.
//!
//! `record` also enqueues the next task and switches webhooks off; `notify` mails their tenants.
//! `step` decides whether an attempt is made, `render` builds what it sends: both are pure, and
//! `crate::explain` uses them too. `slow_receivers` decides which webhooks are delivered on the
//! slow lane, `failing_receivers` marks those that fail, `retry_message` decides when a message
//! comes back that we failed on.

mod attempt;
mod delivery_task;
mod dispatch;
mod event_message;
mod failing_receivers;
mod first_attempts;
mod inline_deliveries;
mod intake;
mod notify;
mod record;
mod render;
mod retry_message;
mod slow_receivers;
mod step;

pub(super) use delivery_task::{Ends, not_a_task, unreadable};
pub use dispatch::{Dispatcher, DispatcherDeps, QueueKind, QueueMessage};
pub(super) use event_message::webhooks_of;
pub use failing_receivers::FailingReceivers;
pub(crate) use render::{UnsignedRequest, own_headers};
pub use render::{request_body, request_headers};
pub(super) use retry_message::both;
pub use retry_message::retry_after;
pub use slow_receivers::{PROMPT, SlowReceiverDetector, TENANT_FULL, WEBHOOK_FULL};
pub(crate) use step::{FirstStep, NextStep};
