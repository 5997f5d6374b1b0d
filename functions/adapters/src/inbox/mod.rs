//! The inboxes of webhooks that are delivered into the stack itself. Their rows are in the log
//! table:
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `tenant#inbox` | `<webhook>#<created>#script` | its script, and how many requests it received |
//! | `tenant#inbox` | `<webhook>#<created>#<slot>` | a request, kept for a day |
//!
//! A request has the slot of its number modulo 100, so the newest hundred are kept without a
//! deletion. `created` is the time at which the webhook was created: a later webhook with the same
//! id sees nothing of an earlier one.
//!
//! Cost of a request: a write unit for each KB of its script, and one for each KB of the request.
//! Other webhooks cost nothing.

mod erase;
mod list;
mod receive;
mod rows;
mod script;
mod sender;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::ids::{TenantId, WebhookId};
use domain::inbox::MAX_REQUESTS;
use domain::tenant::Webhook;

use crate::clients;

pub(crate) use erase::erase_event;
pub use script::StoredScript;
pub(crate) use script::script_update;
pub use sender::InboxSender;

/// The inboxes.
#[derive(Clone, Debug)]
pub struct InboxTable {
    dynamo: Client,
    table: String,
}

impl InboxTable {
    /// From an AWS configuration and the log table's name.
    #[must_use]
    pub fn new(aws: &SdkConfig, table: String) -> Self {
        Self {
            dynamo: clients::dynamodb(aws),
            table,
        }
    }
}

fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#inbox")
}

/// The prefix of all rows of a webhook, and of earlier webhooks with its id.
fn prefix(webhook: &WebhookId) -> String {
    format!("{webhook}#")
}

fn script_key(webhook: &Webhook) -> String {
    format!("{}script", own_prefix(webhook))
}

fn slot_key(webhook: &Webhook, slot: u64) -> String {
    format!("{}{slot:02}", own_prefix(webhook))
}

fn own_prefix(webhook: &Webhook) -> String {
    let created = webhook.created_at.millis();
    format!("{}{created:013}#", prefix(&webhook.id))
}

/// The slot of a request.
fn slot(number: u64) -> u64 {
    number % MAX_REQUESTS
}
