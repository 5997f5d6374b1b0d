//! Outgoing HTTP against real servers on loopback. Nothing here sends a packet anywhere else:
//! hostile URLs are denied before any look-up, and a recording look-up answers hostile names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "all of it is test code; clippy recognises the test functions only"
)]

mod answers;
mod connections;
mod failures;
mod floods;
mod hostile;
mod support;
mod tls;
