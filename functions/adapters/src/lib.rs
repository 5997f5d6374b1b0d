//! Postel's ports over AWS and HTTP: the only crate that uses the AWS SDK, reqwest or the environment.
#![warn(missing_docs)]

pub mod cache;
pub mod clients;
pub mod clock;
pub mod config;
mod conflicts;
pub mod dead_letters;
pub mod delivery_store;
mod dynamo;
pub mod egress;
pub mod fingerprints;
mod flights;
pub mod invocation;
pub mod mail;
pub mod outbox;
pub mod queue;
mod sealing;
pub mod secrets;
pub mod settings;
pub mod sqs_event;
pub mod telemetry;
pub mod vault;
