//! Adapters: Postel's ports implemented with AWS and HTTP. This is the only crate that uses the AWS
//! SDK, reqwest or the environment.
#![warn(missing_docs)]

mod aws_error;
pub mod backlog;
pub mod cache;
pub mod clients;
pub mod clock;
pub mod config;
mod conflicts;
pub mod dead_letters;
pub mod delivery_store;
mod dynamo;
pub mod egress;
pub mod env;
pub mod event_queue;
pub mod fingerprints;
pub mod inbox;
pub mod invocation;
pub mod kms;
pub mod mail;
mod metrics;
pub mod operational_events;
mod sealing;
pub mod secrets;
pub mod settings;
pub mod sqs_event;
pub mod stream_event;
pub mod task_queue;
pub mod telemetry;
