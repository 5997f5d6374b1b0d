//! A new secret, shown once; and the end of the older ones.

use adapters::clock::{now, random};
use adapters::kms;
use api::admission::done;
use api::caller::{OptionalBody, TenantCaller, json};
use api::conditional::{Conditions, tagged};
use api::document::responses::{
    BodyResponses, ConflictResponses, NotFoundResponses, TenantResponses,
};
use api::document::schemas::{TenantId, WebhookId};
use api::problem::ProblemBody;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::credential::CredentialUse;
use domain::rejection::Rejection;
use domain::tenant::Webhook;
use domain::webhook::{GivenSecret, Rotation, end_previous_secrets, next_secret};
use serde::Deserialize;
use utoipa::ToSchema;

use super::now_is;
use super::wire::{WebhookResponse, WebhookWithSecret, with_secret};
use crate::{App, HandlerResult, MAX_RACES};

/// A new secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SecretRotate)]
pub(crate) struct Rotate {
    /// The new signing secret, in the contract's format. Default: generated.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    secret: Option<GivenSecret>,
    /// How long the old secret still signs. Default: a day if both can sign at the same time,
    /// otherwise 0. With 0 all older secrets end at once.
    #[schema(maximum = 604800)]
    overlap_seconds: Option<u64>,
}

/// Rotate a webhook's secret
///
/// The new secret is shown only in this response. If the contract allows several signatures, the
/// old and the new secret both sign until the overlap ends. If it allows one, the old secret signs
/// until then and the new one after that; without an overlap, the new one signs at once. Even older
/// secrets keep their end if it is sooner. Up to two older secrets sign: of three, the oldest ends
/// at once. `previousSecrets` shows when they end. If the given secret is already the newest,
/// nothing changes, so the request can be repeated after a lost response. Scope `webhooks:write`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/secret/rotate",
    operation_id = "webhooks.rotateSecret",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = WebhookId, Path, description = "Which webhook."),
    ),
    request_body = Rotate,
    responses(
        (status = 200, description = "The webhook, with its new secret.", body = WebhookWithSecret),
        (status = 422, description = "The contract cannot use this secret, or it does not sign (`invalid_secret`); the secret is a mask (`masked_value`); or the overlap is too long (`invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        ConflictResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn rotate(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    Conditions(expected): Conditions,
    State(app): App,
    OptionalBody(body): OptionalBody<Rotate>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::WebhooksWrite).await?;
    let by = caller.principal.author();
    let mut before = app.own_webhook(&caller, &id).await?;
    expected.check(Some(&before.tag()))?;
    let contract = app.contract_in_use(&before.contract).await?;
    let rotation = Rotation::requested(&contract, body.overlap_seconds)?;
    let secret = next_secret(body.secret, &contract, random())?;
    let keys = app.sealing_keys(&caller.tenant).await?;
    let cipher = kms::encrypt(&keys, &before.id, CredentialUse::Secret, &secret)?;
    let fingerprint = |cipher: &str| app.fingerprints.of(cipher, &secret);
    let rotated = |webhook: &Webhook| {
        let response = json(StatusCode::OK, with_secret(webhook, Some(&secret)));
        tagged(response, &webhook.tag())
    };
    for _ in 0..MAX_RACES {
        let Some(after) = rotation.apply(&before, &cipher, fingerprint, &by, now()) else {
            return Ok(rotated(&before));
        };
        if done(app.config.put_webhook(&authority, &after, &before).await?)? {
            return Ok(rotated(&after));
        }
        before = app.own_webhook(&caller, &id).await?;
        expected.check(Some(&before.tag()))?;
    }
    Err(Rejection::overtaken().into())
}

/// End a webhook's older secrets
///
/// All but the newest stop signing now, whatever their overlap, even if the newest was to start
/// later. Scope `webhooks:write`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/secret/previous",
    operation_id = "webhooks.endPreviousSecrets",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = WebhookId, Path, description = "Which webhook."),
    ),
    responses(
        (status = 200, description = "The webhook, without older secrets.", body = WebhookResponse),
        ConflictResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn end_previous(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    Conditions(expected): Conditions,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::WebhooksWrite).await?;
    let by = caller.principal.author();
    for _ in 0..MAX_RACES {
        let before = app.own_webhook(&caller, &id).await?;
        expected.check(Some(&before.tag()))?;
        let Some(after) = end_previous_secrets(&before, &by, now()) else {
            return Ok(now_is(&before));
        };
        if done(app.config.put_webhook(&authority, &after, &before).await?)? {
            return Ok(now_is(&after));
        }
    }
    Err(Rejection::overtaken().into())
}
