//! What a change of a webhook's row means. The owner's changes, the switching off by Postel and the
//! dispatchers' marks are written to the same row, each with a write of its own.

use serde_json::{Value, json};
use url::Url;

use super::{Facts, OperationalEventKind, by, extended};
use crate::author::Author;
use crate::delivery::DisableReason;
use crate::tenant::Webhook;
use crate::time::Time;
use crate::webhook::{ChangedMember, changed_members};

/// The events of a change of a webhook, each with its own members.
pub(super) fn facts(
    before: Option<&Webhook>,
    after: Option<&Webhook>,
    deleted_by: Option<&Author>,
) -> Facts {
    match (before, after) {
        (None, Some(after)) => {
            let fields = extended(about(after), json!({"by": by(after.author())}));
            vec![(OperationalEventKind::WebhookCreated, fields)]
        }
        // Not its author, who wrote it last.
        (Some(before), None) => {
            let fields = extended(about(before), json!({"by": by(deleted_by)}));
            vec![(OperationalEventKind::WebhookDeleted, fields)]
        }
        (Some(before), Some(after)) => changed(before, after),
        (None, None) => Vec::new(),
    }
}

/// Of the URL only the host: paths and queries often carry credentials.
fn about(webhook: &Webhook) -> Value {
    let url = Url::parse(&webhook.url).ok();
    json!({
        "webhookId": webhook.id,
        "host": url.as_ref().and_then(Url::host_str),
        "contract": webhook.contract,
        "active": webhook.active,
    })
}

fn changed(before: &Webhook, after: &Webhook) -> Facts {
    let with = |kind, more: Value| (kind, extended(about(after), more));
    let mut facts = Vec::new();
    let by = by(after.author());
    // `active` has events of its own.
    let members: Vec<_> = changed_members(before, after)
        .into_iter()
        .filter(|member| *member != ChangedMember::Active)
        .collect();
    if !members.is_empty() {
        let kind = OperationalEventKind::WebhookUpdated;
        facts.push(with(kind, json!({"changed": members, "by": by})));
    }
    if !after.secrets.has_same_newest(&before.secrets) {
        facts.push(with(OperationalEventKind::SecretRotated, json!({"by": by})));
    }
    match (before.active, after.active) {
        (true, false) => facts.push(with(
            OperationalEventKind::WebhookDisabled,
            json!({
                "reason": after.disabled.map_or("owner", DisableReason::as_str),
                "failingSince": after.failing_since.map(Time::rfc3339),
                "by": by,
            }),
        )),
        (false, true) => {
            facts.push(with(
                OperationalEventKind::WebhookEnabled,
                json!({"by": by}),
            ));
        }
        _ => {}
    }
    let failing = |since: Time| json!({"failingSince": since.rfc3339()});
    let slow = |since: Time| json!({"slowSince": since.rfc3339()});
    match (before.failing_since, after.failing_since) {
        (None, Some(since)) => {
            facts.push(with(OperationalEventKind::WebhookFailing, failing(since)));
        }
        (Some(since), None) if is_by_dispatcher(before, after) => {
            facts.push(with(OperationalEventKind::WebhookRecovered, failing(since)));
        }
        _ => {}
    }
    match (before.slow_since, after.slow_since) {
        (None, Some(since)) => facts.push(with(OperationalEventKind::WebhookSlow, slow(since))),
        (Some(since), None) if is_by_dispatcher(before, after) => {
            facts.push(with(OperationalEventKind::WebhookQuick, slow(since)));
        }
        _ => {}
    }
    facts
}

/// Whether a mark was removed because of a success. An owner's change removes marks too, as a new
/// URL has none; it sets `updated_at`, which the dispatchers' marks leave as it is.
fn is_by_dispatcher(before: &Webhook, after: &Webhook) -> bool {
    before.updated_at == after.updated_at
}
