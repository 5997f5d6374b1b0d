//! Tenants, by the operator.

use adapters::clock::now;
use adapters::config::TenantPut;
use adapters::http::caller::{Anyone, Body, Caller, json};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::ids::TenantId;
use domain::rejection::{Code, Rejection};
use domain::tenant::{Limits, Tenant};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lists::{ListQuery, compact};
use crate::{Answer, App};

/// The most principals of one tenant, and the longest name of one.
const MOST_PUBLISHERS: usize = 50;
const LONGEST_TEXT: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Put {
    name: Option<String>,
    contract: Option<String>,
    contact_email: Option<String>,
    #[serde(default)]
    publishers: Vec<String>,
    #[serde(default)]
    limits: Limits,
}

fn show(tenant: &Tenant) -> Value {
    compact(json!({
        "id": tenant.id.as_str(),
        "name": tenant.name,
        "contract": tenant.contract,
        "contactEmail": tenant.contact_email,
        "publishers": tenant.publishers,
        "limits": tenant.limits,
        "createdAt": tenant.created_at.rfc3339(),
        "updatedAt": tenant.updated_at.rfc3339(),
    }))
}

/// PUT replaces: what the body leaves out is as if it had never been set.
pub(crate) async fn put(
    Anyone(principal): Anyone,
    Path(tenant): Path<String>,
    State(app): App,
    Body(body): Body<Put>,
) -> Answer {
    principal.is_operator()?;
    let id: TenantId = tenant.parse().map_err(|_| {
        Rejection::new(
            Code::InvalidTenantId,
            "A tenant id has 1 to 64 letters, digits, underscores or hyphens.",
        )
    })?;
    check(&body)?;
    let contract = app
        .contract(body.contract.as_deref().unwrap_or("standard"))
        .await?
        .name;
    let before = app.config.tenant(&id).await?;
    let now = now();
    let tenant = Tenant {
        id,
        name: body.name,
        contract,
        contact_email: body.contact_email,
        publishers: body.publishers,
        limits: body.limits,
        created_at: before.as_ref().map_or(now, |t| t.created_at),
        updated_at: now,
    };
    let status = match app.config.put_tenant(&tenant, before.as_ref()).await? {
        TenantPut::Created => StatusCode::CREATED,
        TenantPut::Replaced => StatusCode::OK,
    };
    Ok(json(status, show(&tenant)))
}

fn check(body: &Put) -> Result<(), Rejection> {
    let refuse = |code, detail: &str, field| Err(Rejection::new(code, detail).field(field));
    if body
        .name
        .as_ref()
        .is_some_and(|name| name.len() > LONGEST_TEXT)
    {
        return refuse(
            Code::InvalidRequest,
            "A name has at most 256 bytes.",
            "name",
        );
    }
    if body
        .contact_email
        .as_ref()
        .is_some_and(|mail| mail.len() > LONGEST_TEXT || !mail.contains('@'))
    {
        return refuse(
            Code::InvalidRequest,
            "This is no mail address.",
            "contactEmail",
        );
    }
    let is_principal = |p: &String| {
        (1..=LONGEST_TEXT).contains(&p.len())
            && p.bytes().all(|b| b.is_ascii_graphic() && b != b':')
    };
    if body.publishers.len() > MOST_PUBLISHERS || !body.publishers.iter().all(is_principal) {
        let detail = "At most 50 publishers, each an IAM unique id such as AROAEXAMPLEID: the part of SQS's SenderId before the colon.";
        return refuse(Code::InvalidRequest, detail, "publishers");
    }
    Ok(())
}

pub(crate) async fn get(caller: Caller, State(app): App) -> Answer {
    caller.principal.is_operator()?;
    let tenant = app
        .config
        .tenant(&caller.tenant)
        .await?
        .ok_or_else(Rejection::not_found)?;
    Ok(json(StatusCode::OK, show(&tenant)))
}

pub(crate) async fn delete(caller: Caller, State(app): App) -> Answer {
    caller.principal.is_operator()?;
    let tenant = app
        .config
        .tenant(&caller.tenant)
        .await?
        .ok_or_else(Rejection::not_found)?;
    app.config.delete_tenant(&tenant).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn list(
    Anyone(principal): Anyone,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    principal.is_operator()?;
    let query = ListQuery::new(query, "tenants", &[])?;
    let page = app
        .config
        .tenants(query.cursor(&app)?.as_deref(), query.limit()?)
        .await?;
    Ok(query.answer(&app, page, show))
}
