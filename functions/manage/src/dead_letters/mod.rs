//! Dead letters: a tenant's own, and for the operator all of them and those that are nobody's.

mod redrive_one;
mod wire;

use adapters::dead_letters::{DeadLetterFilter, StoredDeadLetter};
use api::caller::{AuthenticatedCaller, TenantCaller, json};
use api::document::responses::{
    ListResponses, NotFoundResponses, OperatorResponses, TenantResponses,
};
use api::document::schemas::{DeadLetterId as Id, TenantId as PathTenant};
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::dead_letter::Reason;
use domain::ids::DeadLetterId;
use domain::rejection::Rejection;
use domain::tenant::Tenant;
use domain::time::Time;

use self::redrive_one::RedriveAccepted;
use self::wire::DeadLetterResponse;
use crate::document::parameters::{DeadLetters, OfTenant, Paging};
use crate::lists::{List, ListQuery};
use crate::{App, AppState, HandlerResult};

type DeadLetterList = List<DeadLetterResponse>;

/// The filters that both lists know.
pub(crate) const FILTERS: [&str; 5] = ["webhookId", "type", "reason", "since", "until"];

/// The operator's list knows one more.
pub(crate) const ALL_FILTERS: [&str; 6] =
    ["tenantId", "webhookId", "type", "reason", "since", "until"];

/// `log_begins` is the tenant's, if it is a tenant's list.
fn filter(query: &ListQuery, log_begins: Option<Time>) -> Result<DeadLetterFilter, Rejection> {
    Ok(DeadLetterFilter {
        webhook: query.webhook("webhookId")?,
        event_type: query.event_type("type")?,
        reasons: query.words("reason", &Reason::ALL, Reason::as_str)?,
        since: query.time("since")?,
        log_begins,
        until: query.time("until")?,
    })
}

/// List the dead letters of a tenant
///
/// Newest first, without those that were redriven. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/dead-letters",
    operation_id = "deadLetters.list",
    tag = "deadLetters",
    params(
        ("tenantId" = PathTenant, Path, description = "Whose dead letters."),
        Paging,
        DeadLetters,
    ),
    responses(
        (status = 200, description = "The dead letters.", body = DeadLetterList),
        ListResponses,
        TenantResponses,
    )
)]
pub(crate) async fn list(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, format!("dead-letters/{}", caller.tenant), &FILTERS)?;
    let cursor = query.cursor(&app)?;
    let page = app
        .dead_letters
        .list(
            &caller.tenant,
            &filter(&query, Some(authority.tenant.log_begins()))?,
            cursor.as_deref(),
            query.limit()?,
        )
        .await?;
    Ok(query.answer(&app, page, StoredDeadLetter::place, DeadLetterResponse::new))
}

/// List the dead letters of all tenants
///
/// Includes dead letters that belong to no tenant. For the operator.
#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    operation_id = "operatorDeadLetters.list",
    tag = "operator",
    params(
        Paging,
        OfTenant,
        DeadLetters,
    ),
    responses(
        (status = 200, description = "The dead letters.", body = DeadLetterList),
        ListResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn list_all(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let query = ListQuery::new(query, "dead-letters", &ALL_FILTERS)?;
    let (cursor, limit, filter) = (query.cursor(&app)?, query.limit()?, filter(&query, None)?);
    let letters = &app.dead_letters;
    let page = match query.tenant("tenantId")? {
        Some(tenant) => {
            letters
                .list(&tenant, &filter, cursor.as_deref(), limit)
                .await?
        }
        None => letters.list_all(&filter, cursor.as_deref(), limit).await?,
    };
    Ok(query.answer(&app, page, StoredDeadLetter::place, DeadLetterResponse::new))
}

impl AppState {
    /// A tenant's own.
    async fn letter(&self, tenant: &Tenant, id: &str) -> Result<StoredDeadLetter, crate::Problem> {
        let id: DeadLetterId = id.parse().map_err(|_| Rejection::not_found())?;
        let kept = self.dead_letters.get(Some(&tenant.id), id).await?;
        Ok(kept
            .filter(|kept| kept.is_since(tenant.log_begins()))
            .ok_or_else(Rejection::not_found)?)
    }

    /// That it is a tenant's own. One that cannot be read can be taken away all the same: its key
    /// tells whose it is.
    async fn is_letter_of(&self, tenant: &Tenant, id: DeadLetterId) -> Result<(), crate::Problem> {
        let is_own = match self.dead_letters.get(Some(&tenant.id), id).await {
            Ok(kept) => kept.is_some_and(|kept| kept.is_since(tenant.log_begins())),
            Err(fault) if fault.is_corrupt() => id.0.time() >= tenant.log_begins(),
            Err(fault) => return Err(fault.into()),
        };
        if is_own {
            return Ok(());
        }
        Err(Rejection::not_found().into())
    }

    async fn any_letter(&self, id: &str) -> Result<StoredDeadLetter, crate::Problem> {
        let id: DeadLetterId = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(self
            .dead_letters
            .find(id)
            .await?
            .ok_or_else(Rejection::not_found)?)
    }
}

/// Get a dead letter
///
/// Includes the message if a message died. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/dead-letters/{deadLetterId}",
    operation_id = "deadLetters.get",
    tag = "deadLetters",
    params(
        ("tenantId" = PathTenant, Path, description = "Whose dead letters."),
        ("deadLetterId" = Id, Path, description = "Which dead letter."),
    ),
    responses(
        (status = 200, description = "The dead letter.", body = DeadLetterResponse),
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn get(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    Ok(json(
        StatusCode::OK,
        DeadLetterResponse::full(&app.letter(&authority.tenant, &id).await?),
    ))
}

/// Delete a dead letter
///
/// Scope `deliveries:retry`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}/dead-letters/{deadLetterId}",
    operation_id = "deadLetters.delete",
    tag = "deadLetters",
    params(
        ("tenantId" = PathTenant, Path, description = "Whose dead letters."),
        ("deadLetterId" = Id, Path, description = "Which dead letter."),
    ),
    responses(
        (status = 204, description = "Deleted."),
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn delete(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRetry).await?;
    let id: DeadLetterId = id.parse().map_err(|_| Rejection::not_found())?;
    app.is_letter_of(&authority.tenant, id).await?;
    removed(app.dead_letters.delete(Some(&caller.tenant), id).await?)
}

fn removed(was_there: bool) -> HandlerResult {
    if !was_there {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Redrive a dead letter
///
/// A delivery starts its retry schedule again; a message is checked and published as if it had just
/// arrived. Scope `deliveries:retry`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/dead-letters/{deadLetterId}/redrive",
    operation_id = "deadLetters.redrive",
    tag = "deadLetters",
    params(
        ("tenantId" = PathTenant, Path, description = "Whose dead letters."),
        ("deadLetterId" = Id, Path, description = "Which dead letter."),
    ),
    responses(
        (status = 202, description = "The redrive has begun.", body = RedriveAccepted),
        (status = 409, description = "It was redriven before (`already_redriven`), or it cannot be redriven (`not_redrivable`, `id_conflict`, `event_erased`).", body = ProblemBody, content_type = "application/problem+json"),
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn redrive(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRetry).await?;
    let kept = app.letter(&authority.tenant, &id).await?;
    app.redrive(kept).await
}

/// Get a dead letter of any tenant
///
/// It may belong to no tenant. For the operator.
#[utoipa::path(
    get,
    path = "/v1/dead-letters/{deadLetterId}",
    operation_id = "operatorDeadLetters.get",
    tag = "operator",
    params(
        ("deadLetterId" = Id, Path, description = "Which dead letter."),
    ),
    responses(
        (status = 200, description = "The dead letter.", body = DeadLetterResponse),
        NotFoundResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn get_any(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(id): Path<String>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    Ok(json(
        StatusCode::OK,
        DeadLetterResponse::full(&app.any_letter(&id).await?),
    ))
}

/// Delete a dead letter of any tenant
///
/// It may belong to no tenant. For the operator.
#[utoipa::path(
    delete,
    path = "/v1/dead-letters/{deadLetterId}",
    operation_id = "operatorDeadLetters.delete",
    tag = "operator",
    params(
        ("deadLetterId" = Id, Path, description = "Which dead letter."),
    ),
    responses(
        (status = 204, description = "Deleted."),
        NotFoundResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn delete_any(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(id): Path<String>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let id: DeadLetterId = id.parse().map_err(|_| Rejection::not_found())?;
    removed(app.dead_letters.delete_any(id).await?)
}

/// Redrive a dead letter of any tenant
///
/// It may belong to no tenant. For the operator.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/{deadLetterId}/redrive",
    operation_id = "operatorDeadLetters.redrive",
    tag = "operator",
    params(
        ("deadLetterId" = Id, Path, description = "Which dead letter."),
    ),
    responses(
        (status = 202, description = "The redrive has begun.", body = RedriveAccepted),
        (status = 409, description = "It was redriven before (`already_redriven`), or it cannot be redriven (`not_redrivable`, `id_conflict`, `event_erased`).", body = ProblemBody, content_type = "application/problem+json"),
        NotFoundResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn redrive_any(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(id): Path<String>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let kept = app.any_letter(&id).await?;
    app.redrive(kept).await
}
