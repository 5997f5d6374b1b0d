//! Sessions of a tenant: short-lived access for a page in a browser. The code is in the answer to
//! its creation and nowhere else.

pub(crate) mod exchange;
pub(crate) mod operator_sessions;
mod wire;

use adapters::clock::{now, random};
use api::admission::done;
use api::caller::{JsonBody, TenantCaller, json};
use api::document::responses::{BodyResponses, ListResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{SessionId as Id, TenantId};
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::rejection::Rejection;
use domain::session::too_many_sessions;
use domain::session::{NewSession, Session, SessionGrantor, SessionId, SessionName};

use self::wire::{Address, Create, SessionList, SessionResponse, SessionWithCode};
use crate::document::parameters::Paging;
use crate::lists::ListQuery;
use crate::{App, HandlerResult};

/// Create a session
///
/// For a page in a browser, where a key does not belong. The browser opens `url`, whose code can be
/// exchanged once, within 60 seconds. A session has no more rights than the key that creates it and
/// no later end, and it ends with that key. A session cannot create another. Scope `keys`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/sessions",
    operation_id = "sessions.create",
    tag = "sessions",
    params(("tenantId" = TenantId, Path, description = "Whose session it will be.")),
    request_body = Create,
    responses(
        (status = 201, description = "The session.", body = SessionWithCode),
        (status = 409, description = "The tenant has the maximum number of sessions (`session_limit`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The scopes or the duration are not valid (`invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        TenantResponses,
    )
)]
pub(crate) async fn create(
    caller: TenantCaller,
    address: Address,
    State(app): App,
    JsonBody(body): JsonBody<Create>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::Keys).await?;
    let grantor = SessionGrantor::of(&caller.principal)?;
    let now = now();
    let asked = NewSession {
        scopes: body.scopes,
        seconds: body.expires_in_seconds,
    };
    let chance = (random(), random());
    let (session, code) = grantor.session(asked, &authority.tenant, chance, now)?;
    let written = app.config.create_session(&authority, &session, now).await?;
    if !done(written)? {
        return Err(too_many_sessions().into());
    }
    let answer = SessionWithCode::new(&session, address.page("portal", &code), code);
    Ok(json(StatusCode::CREATED, answer))
}

/// List the sessions
///
/// Those that have not ended and whose code has not expired, newest first. Scope `keys`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/sessions",
    operation_id = "sessions.list",
    tag = "sessions",
    params(("tenantId" = TenantId, Path, description = "Whose sessions."), Paging),
    responses((status = 200, description = "The sessions.", body = SessionList), ListResponses, TenantResponses)
)]
pub(crate) async fn list(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::Keys).await?;
    let query = ListQuery::new(query, format!("sessions/{}", caller.tenant), &[])?;
    let sessions = app.config.sessions(Some(&caller.tenant), now()).await?;
    let page = query.page_of(&app, sessions, place)?;
    Ok(query.answer(&app, page, place, SessionResponse::new))
}

/// The cursor with which a list goes on after a session.
fn place(session: &Session) -> String {
    let made = session.created_at.millis();
    format!("{made:013}{}", session.name.id)
}

/// End all sessions
///
/// As for one session. Keys that a session has created remain. Scope `keys`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}/sessions",
    operation_id = "sessions.deleteAll",
    tag = "sessions",
    params(("tenantId" = TenantId, Path, description = "Whose sessions.")),
    responses((status = 204, description = "Ended."), TenantResponses)
)]
pub(crate) async fn delete_all(caller: TenantCaller, State(app): App) -> HandlerResult {
    app.authorize(&caller, Scope::Keys).await?;
    let tenant = Some(&caller.tenant);
    app.config.end_sessions(tenant, None, now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// End a session
///
/// It stops managing at once. It can publish for as long as the gateway caches its authorization,
/// 30 seconds by default. Its code, if it has not been exchanged, is void. Scope `keys`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}/sessions/{sessionId}",
    operation_id = "sessions.delete",
    tag = "sessions",
    params(
        ("tenantId" = TenantId, Path, description = "Whose session."),
        ("sessionId" = Id, Path, description = "Which session."),
    ),
    responses((status = 204, description = "Ended."), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn delete(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::Keys).await?;
    let name = SessionName {
        tenant: Some(caller.tenant),
        id: id.parse().map_err(|_| Rejection::not_found())?,
    };
    end(&app, &name).await
}

/// Ends a session. One that is past its end is not there, although the table may still have it.
async fn end(app: &crate::AppState, name: &SessionName) -> HandlerResult {
    let SessionId(id) = name.id;
    let was_there = app.config.end_session(name).await?;
    if !was_there || id.time() <= now() {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
