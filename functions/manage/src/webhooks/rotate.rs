//! A new secret, shown once.

use std::time::Duration;

use adapters::clock::now;
use adapters::http::caller::{Body, Caller, json};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::rejection::{Code, Rejection};
use domain::tenant::{SealedSecret, Webhook};
use serde::Deserialize;

use super::{later, with_secret};
use crate::{Answer, App, secrets};

/// How long the old secret still signs beside the new one, unless the caller says otherwise, and at most.
const USUAL_OVERLAP: u64 = 24 * 3600;
const LONGEST_OVERLAP: u64 = 7 * 24 * 3600;
/// Old secrets that still sign, at most: each adds a signature to the header.
const MOST_OLD_SECRETS: usize = 2;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rotate {
    secret: Option<String>,
    overlap_seconds: Option<u64>,
}

/// Where the contract allows several signatures, old and new sign side by side until the overlap ends. Where it allows one, the old one signs until
/// then and the new one after; with no overlap given, at once.
pub(crate) async fn rotate(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    Body(body): Body<Rotate>,
) -> Answer {
    app.admit(&caller, Scope::WebhooksWrite).await?;
    let before = app.own_webhook(&caller, &id).await?;
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
    let newest = secrets::seal(
        &app,
        &caller.tenant,
        &before.id,
        &secret,
        if several { now } else { end },
    )
    .await?;
    let old = before.secrets_at(now).take(MOST_OLD_SECRETS);
    let old = old.map(|s| SealedSecret {
        until: Some(s.until.map_or(end, |until| until.min(end))),
        ..s.clone()
    });
    let secrets: Vec<_> = std::iter::once(newest).chain(old).collect();
    let after = Webhook {
        secrets,
        updated_at: later(&before),
        ..before.clone()
    };
    app.replace(&after, &before).await?;
    Ok(json(StatusCode::OK, with_secret(&after, Some(&secret))))
}
