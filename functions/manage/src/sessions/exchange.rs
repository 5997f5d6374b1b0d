//! The way in: a code for a token, without a key.

use adapters::clock::{now, random};
use api::caller::{AnyCaller, JsonBody, json};
use api::document::responses::{BodyResponses, OpenResponses};
use api::problem::ProblemBody;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use domain::api_key::hash;
use domain::rejection::Rejection;
use domain::session::{SessionName, code_used};

use super::wire::{Exchange, TokenResponse};
use crate::{App, HandlerResult};

/// Exchange a code for a session's token
///
/// No key is needed. A code can be exchanged once, within 60 seconds. At most 10 requests a second
/// from all callers together.
#[utoipa::path(
    post,
    path = "/v1/sessions/exchange",
    operation_id = "sessions.exchange",
    tag = "sessions",
    security(()),
    request_body = Exchange,
    responses(
        (status = 201, description = "The session is open.", body = TokenResponse),
        (status = 403, description = "A delivery called the API (`loop_detected`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "The code is unknown, was used or has expired (`code_used`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The body is nested too deep (`too_deep`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        OpenResponses,
    )
)]
pub(crate) async fn exchange(
    _: AnyCaller,
    State(app): App,
    Query(query): Query<Vec<(String, String)>>,
    JsonBody(body): JsonBody<Exchange>,
) -> HandlerResult {
    // The layer of the other routes refuses a parameter only of callers that it knows.
    if let Some((name, _)) = query.first() {
        return Err(Rejection::unknown_parameter(name, &[]).into());
    }
    // A text that is no code costs no request of the table. Any other costs one conditional write,
    // whether there is such a session or not.
    let name = SessionName::of_code(&body.code).ok_or_else(code_used)?;
    let token = name.token(random());
    let opened = app
        .config
        .open_session(&name, &hash(&body.code), &hash(&token), now())
        .await?;
    let session = opened.ok_or_else(code_used)?;
    Ok(json(
        StatusCode::CREATED,
        TokenResponse::new(session, token),
    ))
}
