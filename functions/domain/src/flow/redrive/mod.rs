//! From a dead letter back to a delivery that is due: `one` by itself, or many by a `job`.

mod job;
mod one;

pub use job::{RedriveRunner, RedriveRunnerDeps};
pub use one::{redrive_delivery, request_manual_attempt};
