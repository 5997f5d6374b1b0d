//! A new secret, shown once.

use std::time::Duration;

use adapters::clock::now;
use adapters::http::caller::{Body, Caller, json};
use adapters::http::document::answers::{Changing, One, Tenants, WithBody};
use adapters::http::document::text::{TenantId, WebhookId};
use adapters::http::problem::Shown as Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::contract::Secret;
use domain::rejection::{Code, Rejection};
use domain::tenant::{SealedSecret, Webhook};
use serde::Deserialize;
use utoipa::ToSchema;

use super::wire::{Shown, with_secret};
use crate::{Answer, App, MAX_RACES, secrets};

/// How long the old secret still signs beside the new one, unless the caller says otherwise, and at most.
const USUAL_OVERLAP: u64 = 24 * 3600;
const LONGEST_OVERLAP: u64 = 7 * 24 * 3600;
/// Old secrets that still sign, at most: each adds a signature to the header.
const MOST_OLD_SECRETS: usize = 2;

/// A new secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SecretRotation)]
pub(crate) struct Rotate {
    /// What signs from now on, as the contract reads it. Made, if nothing is said.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    secret: Option<Secret>,
    /// How long the old secret still signs; a day where both can sign, else not at all, if nothing is said.
    #[schema(maximum = 604800)]
    overlap_seconds: Option<u64>,
}

/// Gives a webhook a new secret
///
/// It is shown in this answer and nowhere else. Where the contract allows several signatures, old and new sign side by side until the overlap ends. Where it allows one, the old one signs until
/// then and the new one after; with no overlap given, at once. Scope `webhooks:write`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/webhooks/{webhook}/secret/rotate",
    operation_id = "rotate_secret",
    tag = "webhooks",
    params(
        ("tenant" = TenantId, Path, description = "Whose webhook."),
        ("webhook" = WebhookId, Path, description = "Which webhook."),
    ),
    request_body = Rotate,
    responses(
        (status = 200, description = "The webhook, with its new secret.", body = Shown),
        (status = 422, description = "The contract cannot use this secret, or signs nothing (`invalid_secret`).", body = Problem, content_type = "application/problem+json"),
        WithBody,
        Changing,
        One,
        Tenants,
    )
)]
pub(crate) async fn rotate(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    Body(body): Body<Rotate>,
) -> Answer {
    app.admit(&caller, Scope::WebhooksWrite).await?;
    let mut before = app.own_webhook(&caller, &id).await?;
    let contract = app.contract_in_use(&before.contract).await?;
    let several = contract
        .signature
        .as_ref()
        .is_some_and(|signature| signature.several);
    let overlap = body
        .overlap_seconds
        .unwrap_or(if several { USUAL_OVERLAP } else { 0 });
    if overlap > LONGEST_OVERLAP {
        let detail = format!("An overlap is at most {LONGEST_OVERLAP} seconds, seven days.");
        return Err(Rejection::new(Code::InvalidRequest, detail)
            .field("overlapSeconds")
            .into());
    }
    let Some(secret) = secrets::choose(body.secret, &contract)? else {
        return Err(Rejection::new(
            Code::InvalidSecret,
            "The contract of this webhook signs nothing.",
        )
        .into());
    };
    let now = now();
    let end = now.plus(Duration::from_secs(overlap));
    let keys = app.sealing_keys(&caller.tenant).await?;
    let since = if several { now } else { end };
    let newest = secrets::seal(&keys, &before.id, &secret, since)?;
    for _ in 0..MAX_RACES {
        let old = before.secrets_at(now).take(MOST_OLD_SECRETS);
        let old = old.map(|s| SealedSecret {
            until: Some(s.until.map_or(end, |until| until.min(end))),
            ..s.clone()
        });
        let secrets: Vec<_> = std::iter::once(newest.clone()).chain(old).collect();
        let after = Webhook {
            secrets,
            ..before.clone()
        }
        .replacing(&before, now);
        if app.config.put_webhook(&after, &before).await? {
            return Ok(json(StatusCode::OK, with_secret(&after, Some(&secret))));
        }
        before = app.own_webhook(&caller, &id).await?;
    }
    Err(Rejection::overtaken().into())
}
