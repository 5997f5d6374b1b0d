//! One event and its deliveries.

use adapters::http::caller::{Caller, json};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::event::Event;
use domain::ids::EventId;
use domain::ports::Log as _;
use domain::rejection::Rejection;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::deliveries;
use crate::{Answer, App};

/// `data` is shown as it came.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    r#type: &'a str,
    timestamp: &'a str,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    context: Map<String, Value>,
    accepted_at: String,
    deliveries: Vec<Value>,
}

fn shown(event: &Event, deliveries: Vec<Value>) -> Result<Shown<'_>, serde_json::Error> {
    let context = event
        .context
        .iter()
        .map(|(name, raw)| Ok((name.clone(), serde_json::from_str(raw)?)));
    Ok(Shown {
        id: event.id.as_str(),
        r#type: event.event_type.as_str(),
        timestamp: &event.timestamp,
        data: RawValue::from_string(event.data.clone())?,
        context: context.collect::<Result<_, serde_json::Error>>()?,
        accepted_at: event.key.time().rfc3339(),
        deliveries,
    })
}

pub(crate) async fn get(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let id: EventId = id.parse().map_err(|_| Rejection::not_found())?;
    let key = match id.key() {
        Some(key) => Some(key),
        None => app.log.event_of_id(&caller.tenant, &id).await?,
    };
    let record = match key {
        Some(key) => app.log.read(&caller.tenant, key).await?,
        None => None,
    };
    let record = record
        .filter(|record| record.event.id == id)
        .ok_or_else(Rejection::not_found)?;
    let deliveries = record
        .deliveries
        .iter()
        .map(|recorded| deliveries::show(&recorded.delivery))
        .collect();
    let shown = shown(&record.event, deliveries);
    let shown = shown.map_err(|e| domain::ports::Fault::new(domain::ports::Stage::ReadLog, e))?;
    Ok(json(StatusCode::OK, shown))
}
