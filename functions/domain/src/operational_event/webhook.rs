//! What a change of a webhook's row means. The owner's changes, the switching off by Postel and the
//! dispatchers' marks are written to the same row, each with a write of its own.

use serde_json::{Value, json};
use url::Url;

use super::{Facts, OperationalEventKind};
use crate::delivery::DisableReason;
use crate::tenant::Webhook;
use crate::time::Time;

/// The events of a change of a webhook, each with its own members.
pub(super) fn facts(before: Option<&Webhook>, after: Option<&Webhook>) -> Facts {
    match (before, after) {
        (None, Some(after)) => vec![(OperationalEventKind::WebhookCreated, about(after))],
        (Some(before), None) => vec![(OperationalEventKind::WebhookDeleted, about(before))],
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
    let with = |kind, more: Value| {
        let mut fields = about(after);
        if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
            fields.extend(more);
        }
        (kind, fields)
    };
    let mut facts = Vec::new();
    let members = changed_members(before, after);
    if !members.is_empty() {
        let kind = OperationalEventKind::WebhookUpdated;
        facts.push(with(kind, json!({"changed": members})));
    }
    match (before.active, after.active) {
        (true, false) => facts.push(with(
            OperationalEventKind::WebhookDisabled,
            json!({
                "reason": after.disabled.map_or("owner", DisableReason::as_str),
                "failingSince": after.failing_since.map(Time::rfc3339),
            }),
        )),
        (false, true) => facts.push(with(OperationalEventKind::WebhookEnabled, json!({}))),
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

/// The names in the API of the members that an owner changed. `active` has events of its own.
fn changed_members(before: &Webhook, after: &Webhook) -> Vec<&'static str> {
    // Every field is listed, so that a new one does not compile before it is decided here.
    let Webhook {
        id: _,
        tenant: _,
        name,
        url,
        events,
        active: _,
        contract,
        overrides,
        context,
        secrets,
        basic_auth,
        headers,
        created_at: _,
        updated_at: _,
        version: _,
        disabled: _,
        switched: _,
        slow_since: _,
        failing_since: _,
        since: _,
    } = before;
    let all = [
        ("name", *name != after.name),
        ("url", *url != after.url),
        ("events", *events != after.events),
        ("contract", *contract != after.contract),
        ("overrides", *overrides != after.overrides),
        ("context", *context != after.context),
        ("secret", *secrets != after.secrets),
        ("basicAuth", *basic_auth != after.basic_auth),
        ("headers", *headers != after.headers),
    ];
    let changed = all.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(name, _)| name).collect()
}
