//! A new secret, shown once; and the end of the older ones.

use std::time::Duration;

use adapters::clock::now;
use adapters::vault;
use api::admission::done;
use api::caller::{Caller, OptionalBody, json};
use api::document::answers::{Changing, One, Tenants, WithBody};
use api::document::text::{TenantId, WebhookId};
use api::problem::Shown as Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::contract::Secret;
use domain::credential::CredentialUse;
use domain::rejection::{Code, Rejection};
use domain::tenant::Webhook;
use serde::Deserialize;
use utoipa::ToSchema;

use super::wire::{Shown, WebhookWithSecret, show, with_secret};
use crate::{Answer, App, MAX_RACES, secrets};

/// How long the old secret still signs beside the new one, unless the caller says otherwise, and at most.
const USUAL_OVERLAP: u64 = 24 * 3600;
const LONGEST_OVERLAP: u64 = 7 * 24 * 3600;

/// A new secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SecretRotation)]
pub(crate) struct Rotate {
    /// What signs from now on, as the contract reads it. Made, if nothing is said.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    secret: Option<Secret>,
    /// How long the old secret still signs; a day where both can sign, else not at all, if nothing is said. 0 ends all older secrets at once.
    #[schema(maximum = 604800)]
    overlap_seconds: Option<u64>,
}

/// Gives a webhook a new secret
///
/// It is shown in this answer and nowhere else. Where the contract allows several signatures, old and new sign side by side until the overlap ends. Where it allows one, the old one signs until
/// then and the new one after; with no overlap given, at once. Secrets that are older still keep the end that they have, if it is sooner. At most two older ones sign: of three the oldest ends
/// at once. `previousSecrets` shows their ends. Where the given secret is the newest already, nothing changes: a request can be repeated after an answer that
/// was lost. Scope `webhooks:write`.
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
        (status = 200, description = "The webhook, with its new secret.", body = WebhookWithSecret),
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
    OptionalBody(body): OptionalBody<Rotate>,
) -> Answer {
    let authority = app.admit(&caller, Scope::WebhooksWrite).await?;
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
    let keys = app.sealing_keys(&caller.tenant).await?;
    let cipher = vault::seal(&keys, &before.id, CredentialUse::Secret, &secret)?;
    let fingerprint = app.fingerprints.of(&cipher, &secret);
    for _ in 0..MAX_RACES {
        let now = now();
        let overlap = Duration::from_secs(overlap);
        let is_newest = before
            .secrets
            .newest_has(|cipher| app.fingerprints.of(cipher, &secret));
        // Asked once more, after an answer that was lost: it is done. The older ones keep the end that it gave them, unless this overlap ends sooner.
        let secrets = if is_newest {
            before.secrets.ending_by(now.plus(overlap))
        } else {
            before
                .secrets
                .rotated(cipher.clone(), now, overlap, several)
                .with_fingerprint(fingerprint.clone())
        };
        if secrets == before.secrets {
            return Ok(json(StatusCode::OK, with_secret(&before, &secret)));
        }
        let after = Webhook {
            secrets,
            ..before.clone()
        }
        .replacing(&before, now);
        if done(app.config.put_webhook(&authority, &after, &before).await?)? {
            return Ok(json(StatusCode::OK, with_secret(&after, &secret)));
        }
        before = app.own_webhook(&caller, &id).await?;
    }
    Err(Rejection::overtaken().into())
}

/// Ends a webhook's older secrets
///
/// All but the newest stop signing now, whatever their overlap. Also where the newest would sign only later. Scope `webhooks:write`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}/webhooks/{webhook}/secret/previous",
    operation_id = "end_previous_secrets",
    tag = "webhooks",
    params(
        ("tenant" = TenantId, Path, description = "Whose webhook."),
        ("webhook" = WebhookId, Path, description = "Which webhook."),
    ),
    responses(
        (status = 200, description = "The webhook, without older secrets.", body = Shown),
        Changing,
        One,
        Tenants,
    )
)]
pub(crate) async fn end_previous(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    let authority = app.admit(&caller, Scope::WebhooksWrite).await?;
    for _ in 0..MAX_RACES {
        let before = app.own_webhook(&caller, &id).await?;
        let after = Webhook {
            secrets: before.secrets.without_previous(),
            ..before.clone()
        };
        if after.secrets == before.secrets {
            return Ok(json(StatusCode::OK, show(&before)));
        }
        let after = after.replacing(&before, now());
        if done(app.config.put_webhook(&authority, &after, &before).await?)? {
            return Ok(json(StatusCode::OK, show(&after)));
        }
    }
    Err(Rejection::overtaken().into())
}
