//! The API's client: requests that the document describes, and what an error asks a person to do.

mod call;
mod client;
pub(crate) mod operations;
mod pages;
mod problem;

pub(crate) use call::Call;
pub(crate) use client::{Client, Missed};
pub(crate) use pages::{page, pages};
