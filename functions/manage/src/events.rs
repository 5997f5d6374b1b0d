//! Events: the list, one with its deliveries, and the erasure of its content.

pub(crate) mod explain;

use std::collections::{BTreeMap, HashSet};

use adapters::clock::now;
use adapters::delivery_store::{LoggedEvent, Span};
use api::caller::{TenantCaller, json};
use api::conditional::Conditions;
use api::document::responses::{ListResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{EventId as Id, EventState, EventType, TenantId, Timestamp};
use api::problem::Problem;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::event::Event;
use domain::event_summary::EventSummary;
use domain::ids::EventId;
use domain::ports::{DeliveryStore as _, OrFault as _, Stage, StoredEvent};
use domain::rejection::Rejection;
use domain::tenant::Webhook;
use domain::time::Time;
use domain::ulid::Ulid;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::deliveries;
use crate::document::parameters::{Events, Paging};
use crate::lists::{List, ListQuery};
use crate::{App, AppState, HandlerResult};

type EventList = List<EventSummaryResponse>;

/// The filters that [`list`] knows.
pub(crate) const FILTERS: [&str; 4] = ["type", "matched", "since", "until"];

/// An event without its content.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventSummary)]
pub(crate) struct EventSummaryResponse {
    #[schema(value_type = Id)]
    id: String,
    /// Whose it is.
    #[schema(value_type = TenantId)]
    tenant_id: String,
    #[schema(value_type = EventType)]
    r#type: String,
    /// When it happened.
    #[schema(value_type = Timestamp)]
    timestamp: String,
    /// When Postel accepted it.
    #[schema(value_type = Timestamp)]
    created_at: String,
    #[schema(value_type = EventState)]
    state: &'static str,
    /// How many webhooks it has a delivery to, or waits for one to. 0 means that no webhook wanted
    /// it.
    webhooks: usize,
    /// When its content was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    erased_at: Option<String>,
    /// Whether it is a test event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    test: Option<bool>,
}

/// An event of the list, and what it waits for.
struct ListedEvent {
    event: EventSummary,
    webhooks: usize,
    is_pending: bool,
}

impl ListedEvent {
    /// None if the event has expired.
    fn new(logged: &LoggedEvent, webhooks: &[Webhook]) -> Option<Self> {
        let event = logged.summary(webhooks)?;
        let has_deliveries = !logged.deliveries.is_empty();
        let webhooks = match has_deliveries {
            true => logged.deliveries.len(),
            false => {
                let awaited = webhooks.iter().filter(|webhook| event.awaits(webhook));
                awaited.count()
            }
        };
        Some(Self {
            event,
            webhooks,
            is_pending: !has_deliveries && webhooks > 0,
        })
    }

    fn place(&self) -> String {
        self.event.key.to_string()
    }
}

impl EventSummaryResponse {
    /// `dead` are events whose messages are dead letters: nothing carries them any more.
    fn new(listed: &ListedEvent, dead: &HashSet<Ulid>) -> Self {
        let event = &listed.event;
        let is_pending = listed.is_pending && !dead.contains(&event.key);
        Self {
            id: event.id.to_string(),
            tenant_id: event.tenant.to_string(),
            r#type: event.event_type.to_string(),
            timestamp: event.timestamp.clone(),
            created_at: event.key.time().rfc3339(),
            state: if is_pending { "pending" } else { "processed" },
            webhooks: listed.webhooks,
            erased_at: event.erased_at.map(Time::rfc3339),
            test: event.is_test.then_some(true),
        }
    }
}

/// An event. `data` and `context` are shown byte for byte as they came.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
struct EventResponse {
    #[schema(value_type = Id)]
    id: EventId,
    /// Whose it is.
    #[schema(value_type = TenantId)]
    tenant_id: String,
    #[schema(value_type = EventType)]
    r#type: String,
    /// When it happened.
    #[schema(value_type = Timestamp)]
    timestamp: String,
    /// The payload; absent after it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    data: Option<Box<RawValue>>,
    /// Values for the contract's envelope, beside the data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Value>)]
    context: BTreeMap<String, Box<RawValue>>,
    /// The `MessageId` of the SQS message that it came in; absent for HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message_id: Option<String>,
    /// When `data`, `context` and the receivers' responses were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    erased_at: Option<String>,
    /// When Postel accepted it.
    #[schema(value_type = Timestamp)]
    accepted_at: String,
    /// One for each webhook that subscribed to it.
    deliveries: Vec<deliveries::DeliveryResponse>,
}

impl EventResponse {
    fn new(
        event: &Event,
        deliveries: Vec<deliveries::DeliveryResponse>,
    ) -> Result<Self, serde_json::Error> {
        let content = event.payload.content();
        let context = content
            .iter()
            .flat_map(|content| &content.context)
            .map(|(name, raw)| Ok((name.clone(), RawValue::from_string(raw.clone())?)));
        let data = content.map(|content| RawValue::from_string(content.data.clone()));
        Ok(Self {
            id: event.id.clone(),
            tenant_id: event.tenant.to_string(),
            r#type: event.event_type.to_string(),
            timestamp: event.timestamp.clone(),
            data: data.transpose()?,
            context: context.collect::<Result<_, serde_json::Error>>()?,
            message_id: event.message_id.clone(),
            erased_at: event.payload.erased_at().map(Time::rfc3339),
            accepted_at: event.key.time().rfc3339(),
            deliveries,
        })
    }
}

impl AppState {
    /// An event by its id: one that we gave, or one that its caller chose, which may look like
    /// ours. No event gets an id that another of the tenant has.
    pub(crate) async fn event(
        &self,
        tenant: &domain::ids::TenantId,
        id: &str,
    ) -> Result<StoredEvent, Problem> {
        let id: EventId = id.parse().map_err(|_| Rejection::not_found())?;
        if let Some(key) = id.key()
            && let Some(record) = self.store.get_stored_event(tenant, key).await?
            && record.event.id == id
        {
            return Ok(record);
        }
        let record = match self.store.event_of_id(tenant, &id).await? {
            Some(key) => self.store.get_stored_event(tenant, key).await?,
            None => None,
        };
        Ok(record
            .filter(|record| record.event.id == id)
            .ok_or_else(Rejection::not_found)?)
    }

    /// Where the events of an id are, the present one first, each found by its own row alone: a row
    /// beside it that cannot be read is in nobody's way.
    pub(crate) async fn event_keys(
        &self,
        tenant: &domain::ids::TenantId,
        id: &str,
    ) -> Result<Vec<Ulid>, Problem> {
        let id: EventId = id.parse().map_err(|_| Rejection::not_found())?;
        let mut found = Vec::new();
        let named = self.store.events_of_id(tenant, &id).await?;
        for key in id.key().into_iter().chain(named) {
            let event = self.store.get_event(tenant, key).await?;
            if event.is_some_and(|event| event.id == id) && !found.contains(&key) {
                found.push(key);
            }
        }
        Ok(found)
    }
}

/// List the events
///
/// Newest first, those without a delivery included. An event that was sent by SQS is listed after
/// its first attempts. Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/events",
    operation_id = "events.list",
    tag = "events",
    params(("tenantId" = TenantId, Path, description = "Whose events."), Paging, Events),
    responses((status = 200, description = "The events.", body = EventList), ListResponses, TenantResponses)
)]
pub(crate) async fn list(
    caller: TenantCaller,
    query: Query<Vec<(String, String)>>,
    conditions: Conditions,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::DeliveriesRead).await?;
    let tenant = &authority.tenant;
    let query = ListQuery::new(query, format!("events/{}", tenant.id), &FILTERS)?;
    let (event_type, matched) = (query.event_type("type")?, query.choice("matched")?);
    let span = Span {
        since: query.time("since")?,
        log_begins: Some(tenant.log_begins()),
        until: query.time("until")?,
    };
    let (cursor, limit) = (query.cursor(&app)?, query.limit()?);
    let awaited = app.awaited(tenant);
    let webhooks = awaited.webhooks().await?;
    let pick = |logged: &LoggedEvent| {
        let listed = ListedEvent::new(logged, webhooks)?;
        let is_wanted = event_type
            .as_ref()
            .is_none_or(|wanted| wanted.matches(&listed.event.event_type))
            && matched.is_none_or(|matched| matched == (listed.webhooks > 0));
        is_wanted.then_some(listed)
    };
    let page = app
        .store
        .events(&tenant.id, &span, pick, cursor.as_deref(), limit)
        .await?;
    let pending = page.items.iter().filter(|listed| listed.is_pending);
    let dead = awaited
        .dead_of(pending.map(|listed| listed.event.key))
        .await?;
    Ok(
        query.answer_if_new((&app, &conditions), page, ListedEvent::place, |listed| {
            EventSummaryResponse::new(listed, &dead)
        }),
    )
}

/// Get an event and its deliveries
///
/// Scope `deliveries:read`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenantId}/events/{eventId}",
    operation_id = "events.get",
    tag = "events",
    params(
        ("tenantId" = TenantId, Path, description = "Whose event."),
        ("eventId" = Id, Path, description = "Which event."),
    ),
    responses((status = 200, description = "The event.", body = EventResponse), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn get(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    app.show_event(&caller, &id).await
}

/// The same for an event whose id is the name of an operation of all events.
pub(crate) async fn get_called_explain(caller: TenantCaller, State(app): App) -> HandlerResult {
    app.show_event(&caller, explain::DRAFT).await
}

impl AppState {
    async fn show_event(&self, caller: &TenantCaller, id: &str) -> HandlerResult {
        let authority = self.authorize(caller, Scope::DeliveriesRead).await?;
        let record = self.event(&caller.tenant, id).await?;
        authority.may_see(record.event.key)?;
        show(&record)
    }
}

fn show(record: &StoredEvent) -> HandlerResult {
    let deliveries = record
        .deliveries
        .iter()
        .map(|recorded| {
            let timestamp = Some(record.event.timestamp.as_str());
            deliveries::DeliveryResponse::new(&recorded.delivery, timestamp)
        })
        .collect();
    let shown = EventResponse::new(&record.event, deliveries).or_corrupt(Stage::ReadStore)?;
    Ok(json(StatusCode::OK, shown))
}

/// Erase the content of an event
///
/// Erases its `data` and `context`, the bodies of its requests, headers and bodies of the
/// responses, and the message that it came in if that is a dead letter. The entries stay, with
/// `erasedAt`: type, ids, times, URLs and statuses. A delivery that waits for an attempt ends as a
/// dead letter (`event_erased`); an attempt in progress is recorded without the receiver's
/// response. Erasing again changes nothing. If the id was used more than once, all its events are
/// erased. Scope `events:erase`.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenantId}/events/{eventId}/data",
    operation_id = "events.eraseData",
    tag = "events",
    params(
        ("tenantId" = TenantId, Path, description = "Whose event."),
        ("eventId" = Id, Path, description = "Which event."),
    ),
    responses((status = 204, description = "Erased."), NotFoundResponses, TenantResponses)
)]
pub(crate) async fn erase(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> HandlerResult {
    let authority = app.authorize(&caller, Scope::EventsErase).await?;
    let mut is_erased = false;
    for key in app.event_keys(&caller.tenant, &id).await? {
        if authority.may_see(key).is_err() {
            continue;
        }
        let what = (&caller.tenant, key);
        is_erased |=
            domain::flow::erase(&app.store, &app.deliveries, what, now(), app.max_run_time).await?;
    }
    if !is_erased {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
