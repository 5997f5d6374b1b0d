//! What the functions behind the HTTP API share: callers, problems, the rate limit, cursors, and
//! the schemas of the OpenAPI document. Functions that no HTTP request reaches do not depend on it,
//! so they compile neither axum nor utoipa.
#![warn(missing_docs)]

pub mod admission;
mod allowance;
pub mod caller;
pub mod conditional;
pub mod creation;
pub mod cursor;
pub mod document;
pub mod problem;
pub mod publishing;
pub mod query;
pub mod response;
