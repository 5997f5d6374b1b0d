//! The test receiver. A webhook whose URL is [`crate::guard::INBOX_URL`] is delivered into the
//! stack itself: the request is stored, and the script of the webhook's inbox answers in place of a
//! receiver.

mod request;
mod script;

pub use request::{InboxRequest, MAX_REQUESTS, RETENTION};
pub use script::{MAX_TIMES, Script, ScriptedResponse};
