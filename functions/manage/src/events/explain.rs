//! Why each webhook gets an event or not, what is sent to it, and when.
//!
//! Nothing is sent and nothing is written. Cost: a read unit for each 4 KB of the tenant's
//! webhooks, one for each webhook with a contract of the operator's own, half a one for the
//! catalogue where a contract names types. For a published event also what reading it costs, and
//! one unit for each of the operator's own contracts that a listed attempt followed. If the event
//! waits for a first attempt, up to a thousand dead letters are read: its message may be one.

mod wire;

use std::collections::{BTreeMap, BTreeSet};

use adapters::clock::{SystemClock, now};
use api::caller::{TenantCaller, json, read_body, refuse_empty};
use api::document::responses::{
    BodyResponses, FilterResponses, NotFoundResponses, TenantResponses,
};
use api::document::schemas::{EventId as Id, TenantId};
use api::problem::{Problem, ProblemBody};
use api::publishing;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::contract::Contract;
use domain::event::{self, Event};
use domain::explain::{Explained, Explanation, names_types};
use domain::ids::WebhookId;
use domain::ports::{Clock as _, Fault, StoredEvent};
use domain::rejection::Rejection;
use domain::time::CLOCK_SKEW;

use self::wire::{ExplanationResponse, RequestInputs};
use crate::document::parameters;
use crate::lists::ListQuery;
use crate::{App, AppState, HandlerResult};

/// The last part of the path of [`explain_draft`].
pub(super) const DRAFT: &str = "explain";

/// The filters that both operations know.
pub(crate) const FILTERS: [&str; 1] = ["webhookId"];

/// Explain an event
///
/// Says for each webhook of the tenant whether it gets the event, and why or why not; what was sent
/// or will be sent, with secrets masked and without a signature; and when attempts are due. Nothing
/// is sent. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/events/{eventId}/explain",
    operation_id = "events.explain",
    tag = "events",
    params(
        ("tenantId" = TenantId, Path, description = "Whose event."),
        ("eventId" = Id, Path, description = "Which event."),
        parameters::Explained,
    ),
    responses((status = 200, description = "The explanation.", body = ExplanationResponse), FilterResponses, NotFoundResponses, TenantResponses)
)]
pub(crate) async fn explain_event(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let only = ListQuery::whole(query, &FILTERS)?.webhook("webhookId")?;
    let record = app.event(&caller.tenant, &id).await?;
    authority.may_see(record.event.key)?;
    let explanation = app.explanation(&record.event, Some(&record), only).await?;
    Ok(json(StatusCode::OK, explanation))
}

/// Explain what would become of an event
///
/// Takes an event as if to publish it, and says for each webhook of the tenant whether it would get
/// it, and why or why not; what would be sent, with secrets masked and without a signature; and
/// when attempts would be due. Nothing is published or sent. What an event gets when it is accepted
/// is made for this response only: its `id` and its `timestamp`, if it has none, and the UUID of
/// its deliveries. Whether the `id` is in use already is not checked. Scope `deliveries:read`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/events/explain",
    operation_id = "events.explainDraft",
    tag = "events",
    params(
        ("tenantId" = TenantId, Path, description = "Whose event it would be."),
        parameters::Explained,
    ),
    request_body(content = publishing::Event, description = "The event."),
    responses(
        (status = 200, description = "The explanation.", body = ExplanationResponse),
        (status = 422, description = "A value is invalid (`invalid_event_type`, `invalid_event_id`, `invalid_timestamp`, `invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        TenantResponses,
    )
)]
pub(crate) async fn explain_draft(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
    mut request: Request,
) -> HandlerResult {
    app.authorize(&caller, Scope::DeliveriesRead).await?;
    let only = ListQuery::whole(query, &FILTERS)?.webhook("webhookId")?;
    // Lambda takes no more than 6 MB; the event's own limit is checked when it is parsed.
    DefaultBodyLimit::disable().apply(&mut request);
    let bytes = read_body(request, &()).await?;
    refuse_empty(&bytes)?;
    let event = event::parse(&bytes)?;
    let has_id = event.id.is_some();
    let event = event.accept(caller.tenant.clone(), SystemClock.new_ulid());
    let explanation = app.explanation(&event, None, only).await?;
    Ok(json(StatusCode::OK, explanation.with_event_id(has_id)))
}

impl AppState {
    async fn explanation(
        &self,
        event: &Event,
        record: Option<&StoredEvent>,
        only: Option<WebhookId>,
    ) -> Result<ExplanationResponse, Problem> {
        let snapshot = self.config.snapshot(&event.tenant, self.max_timeout);
        let snapshot = snapshot.await?.ok_or_else(Rejection::no_tenant)?;
        let type_name = match names_types(&snapshot, event) {
            true => self.config.event_type(&event.event_type).await?,
            false => None,
        };
        let mut explained = Explained {
            event,
            record,
            is_message_dead: false,
            snapshot: &snapshot,
            now: now(),
        };
        let mut webhooks = explained.webhooks();
        if record.is_some() && webhooks.iter().any(Explanation::awaits_first_attempt) {
            // A message dies after its event was accepted, by the clock of another function.
            let since = event.key.time().minus(CLOCK_SKEW);
            let since = since.max(snapshot.tenant.log_begins());
            let dead = self.dead_events(&event.tenant, Some(since)).await?;
            explained.is_message_dead = dead.contains(&event.key);
            webhooks = explained.webhooks();
        }
        webhooks.retain(|one| only.as_ref().is_none_or(|id| one.webhook == *id));
        let inputs = RequestInputs {
            event,
            type_name: type_name.and_then(|entry| entry.name),
            contracts: self.recorded_contracts(&webhooks).await?,
        };
        Ok(ExplanationResponse::new(&inputs, &webhooks)?)
    }

    /// The contracts that the last attempts followed, by their references.
    async fn recorded_contracts(
        &self,
        webhooks: &[Explanation<'_>],
    ) -> Result<BTreeMap<String, Contract>, Fault> {
        let references = webhooks.iter().filter_map(Explanation::recorded_contract);
        let references: BTreeSet<&str> = references.collect();
        let mut contracts = BTreeMap::new();
        for reference in references {
            if let Some(contract) = self.config.contract_of(reference).await? {
                contracts.insert(reference.to_owned(), contract);
            }
        }
        Ok(contracts)
    }
}
