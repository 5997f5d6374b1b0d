//! Sessions of the operator.

use adapters::clock::{now, random};
use api::caller::{AuthenticatedCaller, JsonBody, json};
use api::document::responses::{
    BodyResponses, ListResponses, NotFoundResponses, OperatorResponses,
};
use api::document::schemas::SessionId as Id;
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::principal::Bearer;
use domain::rejection::Rejection;
use domain::session::{Session, SessionId, SessionName, check_operator_key, too_many_sessions};

use super::wire::{Address, CreateOwn, SessionList, SessionResponse, SessionWithCode};
use super::{end, place};
use crate::document::parameters::Paging;
use crate::lists::ListQuery;
use crate::{App, HandlerResult};

/// Create a session of the operator
///
/// For the operator's console: it may do what the operator's key may, except for creating further
/// sessions of the operator, and lasts 8 hours. The browser opens `url`, whose code can be
/// exchanged once, within 60 seconds. For the operator.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    operation_id = "operatorSessions.create",
    tag = "operator",
    request_body = CreateOwn,
    responses(
        (status = 201, description = "The session.", body = SessionWithCode),
        (status = 409, description = "The operator has the maximum number of sessions (`session_limit`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The body is nested too deep (`too_deep`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn create(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    address: Address,
    State(app): App,
    JsonBody(CreateOwn {}): JsonBody<CreateOwn>,
) -> HandlerResult {
    check_operator_key(&principal)?;
    let now = now();
    let (session, code) = Session::of_operator((random(), random()), now);
    if !app.config.create_operator_session(&session, now).await? {
        return Err(too_many_sessions().into());
    }
    let answer = SessionWithCode::new(&session, address.page("console", &code), code);
    Ok(json(StatusCode::CREATED, answer))
}

/// List the sessions of the operator
///
/// Those that have not ended and whose code has not expired, newest first. For the operator.
#[utoipa::path(
    get,
    path = "/v1/sessions",
    operation_id = "operatorSessions.list",
    tag = "operator",
    params(Paging),
    responses((status = 200, description = "The sessions.", body = SessionList), ListResponses, OperatorResponses)
)]
pub(crate) async fn list(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let query = ListQuery::new(query, "sessions", &[])?;
    let sessions = app.config.sessions(None, now()).await?;
    let page = query.page_of(&app, sessions, place)?;
    Ok(query.answer(&app, page, place, SessionResponse::new))
}

/// End all sessions of the operator
///
/// As for one session. For the operator.
#[utoipa::path(
    delete,
    path = "/v1/sessions",
    operation_id = "operatorSessions.deleteAll",
    tag = "operator",
    responses((status = 204, description = "Ended."), OperatorResponses)
)]
pub(crate) async fn delete_all(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    app.config.end_sessions(None, None, now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// End a session of the operator
///
/// Any session, also a tenant's, may end itself here by its own id. For the operator.
#[utoipa::path(
    delete,
    path = "/v1/sessions/{sessionId}",
    operation_id = "operatorSessions.delete",
    tag = "operator",
    params(("sessionId" = Id, Path, description = "Which session.")),
    responses((status = 204, description = "Ended."), NotFoundResponses, OperatorResponses)
)]
pub(crate) async fn delete(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(id): Path<String>,
    State(app): App,
) -> HandlerResult {
    let id: Result<SessionId, _> = id.parse();
    if let (Some(Bearer::Session(own)), Ok(id)) = (principal.bearer(), id)
        && own.id == id
    {
        return end(&app, &own).await;
    }
    principal.is_operator()?;
    let name = SessionName {
        tenant: None,
        id: id.map_err(|_| Rejection::not_found())?,
    };
    end(&app, &name).await
}
