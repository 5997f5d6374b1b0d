//! The catalogue of event types: written by the operator, read by everybody.

use adapters::config::CatalogueEntry;
use adapters::http::caller::{Anyone, Body, json};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::event_type::EventType;
use domain::rejection::{Code, Rejection};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::lists::compact;
use crate::{Answer, App};

const LONGEST_TEXT: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Put {
    name: Option<String>,
    description: Option<String>,
    group: Option<String>,
    example: Option<Box<RawValue>>,
}

fn show(entry: &CatalogueEntry) -> Value {
    let example = entry
        .example
        .as_ref()
        .and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    compact(json!({
        "type": entry.event_type.as_str(),
        "name": entry.name,
        "description": entry.description,
        "group": entry.group,
        "example": example,
    }))
}

pub(crate) async fn put(
    Anyone(principal): Anyone,
    Path(event_type): Path<String>,
    State(app): App,
    Body(body): Body<Put>,
) -> Answer {
    principal.is_operator()?;
    let entry = CatalogueEntry {
        event_type: event_type.parse()?,
        name: body.name,
        description: body.description,
        group: body.group,
        example: body.example.map(|raw| raw.get().to_owned()),
    };
    if [&entry.name, &entry.description, &entry.group]
        .into_iter()
        .flatten()
        .any(|text| text.len() > LONGEST_TEXT)
    {
        return Err(Rejection::new(Code::InvalidRequest, "A text has at most 1024 bytes.").into());
    }
    let status = if app.config.put_event_type(&entry).await? {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(json(status, show(&entry)))
}

pub(crate) async fn get(
    Anyone(_): Anyone,
    Path(event_type): Path<String>,
    State(app): App,
) -> Answer {
    let event_type: EventType = event_type.parse().map_err(|_| Rejection::not_found())?;
    let entry = app
        .config
        .event_type(&event_type)
        .await?
        .ok_or_else(Rejection::not_found)?;
    Ok(json(StatusCode::OK, show(&entry)))
}

pub(crate) async fn delete(
    Anyone(principal): Anyone,
    Path(event_type): Path<String>,
    State(app): App,
) -> Answer {
    principal.is_operator()?;
    let event_type: EventType = event_type.parse().map_err(|_| Rejection::not_found())?;
    if !app.config.delete_event_type(&event_type).await? {
        return Err(Rejection::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn list(Anyone(_): Anyone, State(app): App) -> Answer {
    let items: Vec<_> = app.config.event_types().await?.iter().map(show).collect();
    Ok(json(StatusCode::OK, json!({"items": items})))
}
