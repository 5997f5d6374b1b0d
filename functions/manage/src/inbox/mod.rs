//! Inboxes: webhooks that are delivered into the stack itself.

mod wire;

use adapters::telemetry;
use api::admission::done;
use api::caller::{JsonBody, TenantCaller, json};
use api::conditional::{Conditions, shown, tagged};
use api::document::responses::{BodyResponses, ListResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{TenantId, WebhookId};
use api::problem::{Problem, ProblemBody};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::guard::INBOX_URL;
use domain::inbox::InboxRequest;
use domain::ports::Fault;
use domain::rejection::{Code, Rejection};
use domain::tenant::Webhook;

use self::wire::{PutResponses, RequestResponse, Responses};
use crate::document::parameters::Paging;
use crate::lists::{List, ListQuery};
use crate::{App, AppState, HandlerResult, MAX_RACES};

type InboxRequestList = List<RequestResponse>;

impl AppState {
    async fn own_inbox(&self, caller: &TenantCaller, id: &str) -> Result<Webhook, Problem> {
        let webhook = self.own_webhook(caller, id).await?;
        if webhook.url == INBOX_URL {
            return Ok(webhook);
        }
        let detail = format!(
            "This webhook is delivered to its receiver. Only a webhook whose URL is {INBOX_URL} has an inbox."
        );
        Err(Rejection::new(Code::NotAnInbox, detail).into())
    }
}

/// Logs that an inbox is left of a deleted webhook or tenant: nobody sees it, and it expires.
pub(crate) fn told_if_left(
    emptied: Result<(), Fault>,
    tenant: &domain::ids::TenantId,
    webhook: Option<&domain::ids::WebhookId>,
) {
    if let Err(fault) = emptied {
        let fields = serde_json::json!({
            "tenant_id": tenant.as_str(),
            "webhook_id": webhook.map(domain::ids::WebhookId::as_str),
        });
        telemetry::fault("inbox.not_deleted", &fault, &fields);
    }
}

/// List the requests of an inbox
///
/// A webhook whose `url` is `postel:inbox` is delivered into an inbox in Postel itself. It keeps
/// the newest 100 requests, each for 24 hours. Newest first. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/requests",
    operation_id = "inboxRequests.list",
    tag = "inbox",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = WebhookId, Path, description = "Which webhook."),
        Paging,
    ),
    responses(
        (status = 200, description = "The requests.", body = InboxRequestList),
        (status = 409, description = "The webhook has another URL (`not_an_inbox`).", body = ProblemBody, content_type = "application/problem+json"),
        ListResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn list(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, format!("inbox/{}/{id}", caller.tenant), &[])?;
    let webhook = app.own_inbox(&caller, &id).await?;
    let before = query.cursor(&app)?.and_then(|place| place.parse().ok());
    let page = app
        .inboxes
        .requests(&webhook, before, query.limit()?)
        .await?;
    let place = |request: &InboxRequest| request.number.to_string();
    Ok(query.answer(&app, page, place, RequestResponse::new))
}

/// Get the responses of an inbox
///
/// Without a script, an inbox responds with 200 to every request. A script is kept for 30 days
/// after the last request and the last change. Scope `webhooks:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/responses",
    operation_id = "inboxResponses.get",
    tag = "inbox",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = WebhookId, Path, description = "Which webhook."),
    ),
    responses(
        (status = 200, description = "The script.", body = Responses),
        (status = 409, description = "The webhook has another URL (`not_an_inbox`).", body = ProblemBody, content_type = "application/problem+json"),
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn get(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    app.authorize(&caller, Scope::WebhooksRead).await?;
    let webhook = app.own_inbox(&caller, &id).await?;
    let stored = app.inboxes.script(&webhook).await?;
    Ok(shown(&conditions, &stored.tag(), || {
        json(StatusCode::OK, Responses::of(&stored.script))
    }))
}

/// Set the responses of an inbox
///
/// The next request gets the first response. Each response goes to `times` requests, and the last
/// one to all further requests, as if a receiver had sent it: retries, timeouts, `Retry-After`,
/// disabling and dead letters follow from it. A test event takes a response like any other request.
/// Scope `webhooks:write`.
#[utoipa::path(
    put,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/responses",
    operation_id = "inboxResponses.set",
    tag = "inbox",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = WebhookId, Path, description = "Which webhook."),
    ),
    request_body = PutResponses,
    responses(
        (status = 200, description = "The script as it is now.", body = Responses),
        (status = 409, description = "The webhook has another URL (`not_an_inbox`), or other requests changed its script at the same time, several times (`concurrent_change`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value is out of bounds (`invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn put(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    Conditions(expected): Conditions,
    State(app): App,
    JsonBody(body): JsonBody<PutResponses>,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::WebhooksWrite).await?;
    let webhook = app.own_inbox(&caller, &id).await?;
    let script = body.script()?;
    for _ in 0..MAX_RACES {
        let before = app.inboxes.script(&webhook).await?;
        expected.check(Some(&before.tag()))?;
        let after = before.next(script.clone());
        let written = app
            .config
            .put_script(&authority, &app.inboxes, &webhook, &after)
            .await?;
        if done(written)? {
            let response = json(StatusCode::OK, Responses::of(&after.script));
            return Ok(tagged(response, &after.tag()));
        }
        // The webhook may be deleted by now, or have another URL.
        app.own_inbox(&caller, &id).await?;
    }
    Err(Rejection::overtaken().into())
}
