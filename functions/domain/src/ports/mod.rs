//! Ports: the interfaces that the domain needs, one for each system. The adapters implement them
//! with AWS, the tests in memory.
//!
//! Each flow names its ports in a trait of its own, with one accessor for each:
//! [`crate::flow::DispatcherDeps`] is one of these traits. So a call shows which system it goes to:
//! `self.deps.store().acquire_lease(..)`.
//!
//! Every call may fail with a [`Fault`]: a failure of Postel, never of a receiver. A fault before a
//! request left means that nothing happened. A fault after it means that the message comes back and
//! the record is read again.

mod cipher;
mod clock;
mod config;
mod keys;
mod mail;
mod once;
mod queues;
mod record;
mod redrive_jobs;
mod sender;
mod store;
mod telemetry;

pub use crate::fault::{Fault, FaultKind, OrFault, Stage};
pub use crate::messages::{DeliveryTask, RedriveJobMessage, TaskKind};
pub use cipher::SecretCipher;
pub use clock::Clock;
pub use config::ConfigStore;
pub use keys::Keys;
pub use mail::{Mailer, Notification, NotificationKind};
pub use once::{EventIdClaim, EventIdRequest, OnceName};
pub use queues::{EventQueue, RedriveJobQueue, SlowTaskQueue, TaskQueue};
pub use record::{
    Due, Lease, LeaseResult, MAX_MANUAL_ATTEMPTS, NotAsked, Overdue, StoredDelivery, StoredEvent,
};
pub use redrive_jobs::{
    DeadLetterFilter, MAX_RUNNING_JOBS, Redrive, RedriveJob, RedriveJobStatus, RedriveJobStore,
    RedriveOutcome, RedrivePage, RunningRedriveJobs, Tally,
};
pub use sender::{AttemptContext, Sender};
pub use store::{DeliveryStore, DueIndex};
pub use telemetry::Telemetry;
