//! Contracts: the built-in ones to read, the operator's own to change.

mod wire;

use adapters::config::Written;
use adapters::delivery_store::Page;
use api::caller::{AuthenticatedCaller, JsonBody, json, located};
use api::conditional::{Conditions, shown, tagged};
use api::document::responses::{
    BodyResponses, ListResponses, NotFoundResponses, OperatorResponses,
};
use api::document::schemas::ContractName;
use api::problem::ProblemBody;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::contract::{Contract, builtin, builtin_names, check_own};
use domain::rejection::Rejection;
use domain::strict_json::Members;
use serde_json::value::RawValue;

use self::wire::{ContractResponse, Put};
pub(crate) use self::wire::{delays, delays_or_null};
use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, HandlerResult, MAX_RACES};

type ContractList = List<ContractResponse>;

/// Create or replace a contract
///
/// Webhooks use the change from their next attempt on. If the contract now sets a header that a
/// webhook sets too, the contract's value is sent. A built-in contract cannot be replaced. For the
/// operator.
#[utoipa::path(
    put,
    path = "/v1/contracts/{contractName}",
    operation_id = "contracts.upsert",
    tag = "contracts",
    params(("contractName" = ContractName, Path, description = "Which contract.")),
    request_body = Put,
    responses(
        (status = 200, description = "Replaced.", body = ContractResponse),
        (status = 201, description = "Made.", body = ContractResponse),
        (status = 409, description = "The contract is built in (`builtin_contract`), or another request changed it at the same time (`concurrent_change`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The contract is invalid; `field` names the member (`invalid_contract`, `invalid_name`, `invalid_header` for a header that is given twice, `too_deep`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn put(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(name): Path<String>,
    Conditions(expected): Conditions,
    State(app): App,
    JsonBody(body): JsonBody<Members<Box<RawValue>>>,
) -> HandlerResult {
    principal.is_operator()?;
    let mut contract = Contract::put(&name, body)?;
    for _ in 0..MAX_RACES {
        let written = app.config.put_contract(&mut contract, &expected).await??;
        let status = match written {
            Written::Created => StatusCode::CREATED,
            Written::Replaced => StatusCode::OK,
            Written::Overtaken => continue,
        };
        let response = json(status, ContractResponse::new(&contract));
        let response = located(response, format!("/v1/contracts/{}", contract.name));
        return Ok(tagged(response, &contract.tag()));
    }
    Err(Rejection::overtaken().into())
}

/// Get a contract
///
/// For the operator.
#[utoipa::path(
    get,
    path = "/v1/contracts/{contractName}",
    operation_id = "contracts.get",
    tag = "contracts",
    params(("contractName" = ContractName, Path, description = "Which contract.")),
    responses((status = 200, description = "The contract.", body = ContractResponse), NotFoundResponses, OperatorResponses)
)]
pub(crate) async fn get(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(name): Path<String>,
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    if !Contract::is_name(&name) {
        return Err(Rejection::not_found().into());
    }
    let contract = app
        .config
        .contract(&name)
        .await?
        .ok_or_else(Rejection::not_found)?;
    Ok(shown(&conditions, &contract.tag(), || {
        json(StatusCode::OK, ContractResponse::new(&contract))
    }))
}

/// Delete a contract
///
/// Webhooks that use it keep it. A built-in contract cannot be deleted. For the operator.
#[utoipa::path(
    delete,
    path = "/v1/contracts/{contractName}",
    operation_id = "contracts.delete",
    tag = "contracts",
    params(("contractName" = ContractName, Path, description = "Which contract.")),
    responses(
        (status = 204, description = "Deleted."),
        (status = 409, description = "The contract is built in (`builtin_contract`), or another request changed it at the same time (`concurrent_change`).", body = ProblemBody, content_type = "application/problem+json"),
        NotFoundResponses,
        OperatorResponses,
    )
)]
pub(crate) async fn delete(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    Path(name): Path<String>,
    Conditions(expected): Conditions,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    check_own(&name)?;
    if !Contract::is_name(&name) {
        return Err(Rejection::not_found().into());
    }
    for _ in 0..MAX_RACES {
        match app.config.delete_contract(&name, &expected).await?? {
            None => return Err(Rejection::not_found().into()),
            Some(true) => return Ok(StatusCode::NO_CONTENT.into_response()),
            Some(false) => {}
        }
    }
    Err(Rejection::overtaken().into())
}

/// List the contracts
///
/// Built-in contracts first, then the operator's own by name. For the operator.
#[utoipa::path(
    get,
    path = "/v1/contracts",
    operation_id = "contracts.list",
    tag = "contracts",
    params(Paging),
    responses((status = 200, description = "The contracts.", body = ContractList), ListResponses, OperatorResponses)
)]
pub(crate) async fn list(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let query = ListQuery::new(query, "contracts", &[])?;
    let (limit, cursor) = (query.limit()?, query.cursor(&app)?);
    let after = cursor.as_deref().and_then(|place| place.split_once(' '));
    let (read, after_own) = match after {
        None => (0, None),
        Some((OWN, name)) => (usize::MAX, Some(name)),
        Some((_, name)) => (
            builtin_names().take_while(|known| *known != name).count() + 1,
            None,
        ),
    };
    let documented = builtin_names().skip(read).filter_map(builtin);
    let mut items: Vec<_> = documented.take(limit).collect();
    let own = match limit.saturating_sub(items.len()) {
        // The next page begins with them.
        0 => None,
        room => Some(app.config.contracts(after_own, room).await?),
    };
    let next = match own {
        None => items.last().map(place),
        Some(own) => {
            items.extend(own.items);
            own.next.map(|name| format!("{OWN} {name}"))
        }
    };
    Ok(query.answer(&app, Page { items, next }, place, ContractResponse::new))
}

/// What the cursor after one of the operator's own contracts begins with.
const OWN: &str = "own";

/// The cursor with which the list goes on after a contract.
fn place(contract: &Contract) -> String {
    let kind = match builtin(&contract.name) {
        Some(_) => "documented",
        None => OWN,
    };
    format!("{kind} {}", contract.name)
}
