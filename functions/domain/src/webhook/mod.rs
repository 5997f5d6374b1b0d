//! The rules for a webhook's owner, as pure functions: no rule here needs HTTP or a table.
//!
//! A handler reads the webhook, calls the rule and writes the result. An optimistic write that lost
//! a race reads the webhook again and calls the rule again, so a rule keeps no state.

mod change;
mod credentials;
mod given;
mod import;
mod last_change;
mod limit;
mod new;
mod rotation;
mod rules;
mod secret;
mod state;
#[cfg(test)]
pub(crate) mod testing;

pub use change::{PATCHED, READ_ONLY, ValidChange, WebhookChange, WebhookPatch};
pub use credentials::{BasicAuth, ValidCredentials};
pub use given::GivenSecret;
pub use import::{FormerSecret, Import, ValidImport};
pub use last_change::{ChangedMember, LastChange, changed_members};
pub use limit::WebhookLimit;
pub use new::{NewWebhook, ValidWebhook, own_id};
pub use rotation::{Rotation, end_previous_secrets};
pub use rules::{WebhookRules, no_such_contract};
pub use secret::next_secret;
pub use state::{KeptMarks, WebhookState};
