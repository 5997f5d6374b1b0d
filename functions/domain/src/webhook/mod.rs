//! What the owner of a webhook may ask for, as pure functions: no rule here needs HTTP or a table.
//!
//! A handler reads the webhook, calls the rule and writes the result. Where the write is optimistic,
//! the rule runs again on what was read anew, so a rule never keeps anything between two calls.

mod change;
mod credentials;
mod limit;
mod new;
mod rotation;
mod rules;
mod secret;
#[cfg(test)]
mod testing;

pub use change::{PATCHED, ValidChange, WebhookChange, WebhookPatch};
pub use credentials::{BasicAuth, CredentialsPatch, ValidCredentials};
pub use limit::WebhookLimit;
pub use new::{NewWebhook, ValidWebhook};
pub use rotation::{DEFAULT_OVERLAP, MAX_OVERLAP, Rotation, end_previous_secrets};
pub use rules::{WebhookRules, no_such_contract};
pub use secret::{first_secret, next_secret};
