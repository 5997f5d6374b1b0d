//! Trying out a webhook: an event of the chosen type is sent at once, and its outcome is the answer.
//!
//! It goes the way of every delivery, through the deliveries queue and the dispatcher, which alone can open secrets: what is tried out is what will
//! happen. It is in the log as a delivery of its own, is never tried again and never becomes a dead letter.

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::clock::{SystemMoment, now};
use adapters::http::caller::{Body, Caller, json};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::delivery::Delivery;
use domain::event::{Event, check_context};
use domain::event_type::EventType;
use domain::ids::EventId;
use domain::outcome::Outcome;
use domain::ports::{Carrier as _, Errand, Log as _, Moment as _, Task};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::lists::compact;
use crate::{Answer, App};

/// The gateway gives 30 s.
const LONGEST_WAIT: Duration = Duration::from_secs(25);
const BETWEEN_LOOKS: Duration = Duration::from_millis(60);
/// What a test event is of and carries if the caller and the catalogue say nothing.
const USUAL_TYPE: &str = "test.webhook";
const USUAL_DATA: &str = r#"{"message":"This is a test event."}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Test {
    r#type: Option<String>,
    /// What the contract's envelope needs beside the data; where it is left out, each name stands for itself.
    #[serde(default)]
    context: BTreeMap<String, Box<RawValue>>,
}

pub(crate) async fn test(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    Body(body): Body<Test>,
) -> Answer {
    app.admit(&caller, Scope::WebhooksWrite).await?;
    let webhook = app.own_webhook(&caller, &id).await?;
    let event_type: EventType = body.r#type.as_deref().unwrap_or(USUAL_TYPE).parse()?;
    let example = app
        .config
        .event_type(&event_type)
        .await?
        .and_then(|entry| entry.example);
    let contract = app.contract_in_use(&webhook.contract).await?;
    let mut context: BTreeMap<String, String> = contract
        .envelope
        .context_names()
        .map(|name| (name.to_owned(), format!("\"{name}\"")))
        .collect();
    context.extend(check_context(&body.context)?);
    let key = SystemMoment.ulid();
    let event = Event {
        tenant: caller.tenant.clone(),
        key,
        id: EventId::ours(key),
        event_type,
        timestamp: key.time().rfc3339(),
        data: example.unwrap_or_else(|| USUAL_DATA.to_owned()),
        context,
    };
    let mut delivery = Delivery::new(&event, &webhook.id);
    delivery.test = true;
    app.log.store(&event, &[], &SystemMoment.owner()).await?;
    app.log.open(&delivery, None, &SystemMoment.owner()).await?;
    let errand = Errand {
        tenant_id: caller.tenant.clone(),
        delivery_id: delivery.id.clone(),
        task: Task::Ticket(delivery.ticket),
    };
    app.deliveries.carry(&errand, Duration::ZERO).await?;

    let end = now().plus(LONGEST_WAIT);
    let last = loop {
        SystemMoment.pause(BETWEEN_LOOKS).await;
        let record = app.log.read(&caller.tenant, key).await?;
        let found = record
            .and_then(|r| r.deliveries.into_iter().next())
            .map(|r| r.delivery);
        match found {
            Some(found) if found.is_at_rest() => break found.last,
            _ if now() >= end => break None,
            _ => {}
        }
    };
    let (success, code, error) = match last.as_ref().map(|attempt| &attempt.outcome) {
        Some(Outcome::Response { status, .. }) => {
            let success = contract.success.holds(*status);
            (
                success,
                Some(*status),
                (!success).then(|| format!("the receiver answered {status}")),
            )
        }
        Some(Outcome::Failure { kind, detail }) => {
            (false, None, Some(format!("{}: {detail}", kind.code())))
        }
        None => (
            false,
            None,
            Some("no outcome within 25 seconds: look the delivery up later".to_owned()),
        ),
    };
    let millis = last.map(|attempt| attempt.duration.as_millis());
    let answer = json!({
        "success": success,
        "responseCode": code,
        "responseTimeMs": millis,
        "error": error,
        "deliveryId": delivery.id.to_string(),
    });
    Ok(json(StatusCode::OK, compact(answer)))
}
