//! What the OpenAPI document says of every operation alike: how ids and times are written, and
//! which refusals have one meaning everywhere.
//!
//! The domain's types stay free of it, so its rules are said again here, in the document's words;
//! the tests of [`schemas`] hold both together.

pub mod responses;
pub mod schemas;

/// The whole document, as `make openapi` writes it. A test of the crate manage, which knows all
/// operations, holds it against the code.
pub const JSON: &str = include_str!("../../openapi.json");
