//! The last change of a webhook as callers see it.

use api::document::schemas::{
    AuthorKind, Timestamp, WebhookDisabledReason, WebhookMember as Member,
};
use domain::author::Author;
use domain::delivery::DisableReason;
use domain::tenant::Webhook;
use domain::webhook::{ChangedMember, LastChange};
use serde::Serialize;
use utoipa::ToSchema;

/// Who changed a webhook last, when, and which members: never their values.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookChange)]
pub(crate) struct LastChangeResponse {
    #[schema(value_type = Timestamp)]
    at: String,
    by: AuthorResponse,
    /// The members that have another value since. `secret`: a new signing secret, or the end of
    /// older ones.
    #[schema(value_type = Vec<Member>)]
    changed: Vec<&'static str>,
    /// Why Postel disabled the webhook, if that was the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WebhookDisabledReason>, nullable = false)]
    reason: Option<&'static str>,
}

/// Who made a change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Author)]
struct AuthorResponse {
    #[schema(value_type = AuthorKind)]
    kind: &'static str,
    /// The id of the key or the session. Absent for the operator's key and for Postel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
    /// The key's name at that time. Absent if it had none, and for whoever is no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
}

impl LastChangeResponse {
    pub(crate) fn new((webhook, change): (&Webhook, &LastChange)) -> Self {
        let members = change.changed.iter().copied();
        Self {
            at: change.at.rfc3339(),
            by: AuthorResponse::new(&change.by),
            changed: members.map(ChangedMember::as_str).collect(),
            reason: webhook.last_change_reason().map(DisableReason::as_str),
        }
    }
}

impl AuthorResponse {
    fn new(author: &Author) -> Self {
        Self {
            kind: author.kind(),
            id: author.id(),
            name: author.name().map(str::to_owned),
        }
    }
}
