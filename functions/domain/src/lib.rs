//! Postel's nouns, rules and ports.
//!
//! No AWS, no HTTP client, no clock, no environment, no randomness: this crate's `clippy.toml` and
//! its list of dependencies enforce it.
#![warn(missing_docs)]

pub mod api_key;
pub mod authenticate;
pub mod author;
pub mod context;
pub mod contract;
pub mod credential;
pub mod dead_letter;
pub mod delivery;
pub mod event;
pub mod event_summary;
pub mod event_type;
pub mod explain;
pub mod fault;
pub mod filter;
pub mod flow;
pub mod format;
pub mod guard;
pub mod idempotency;
pub mod ids;
pub mod inbox;
pub mod json_error;
mod masking;
mod merge_patch;
pub mod messages;
pub mod names;
pub mod operational_event;
pub mod outcome;
pub mod payload;
pub mod ports;
pub mod precondition;
pub mod principal;
pub mod redrive;
pub mod rejection;
pub mod response_codes;
pub mod retry;
pub mod safe_text;
pub mod sent_request;
pub mod session;
pub mod signing_secrets;
pub mod stats;
pub mod strict_json;
pub mod tenant;
pub mod test_event;
pub mod time;
pub mod ulid;
pub mod versions;
pub mod webhook;
