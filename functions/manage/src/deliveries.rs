//! The event log: deliveries, each with its attempts; and the manual retry.

use adapters::clock::SystemMoment;
use adapters::http::caller::{Caller, json};
use adapters::log::DeliveryFilter;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::delivery::{Attempt, Delivery, Status};
use domain::flow::retry_by_hand;
use domain::ids::DeliveryId;
use domain::outcome::Outcome;
use domain::rejection::{Code, Rejection};
use domain::time::Time;
use serde_json::{Map, Value, json};

use crate::lists::{ListQuery, compact};
use crate::masked;
use crate::{Answer, App};

fn text_of(outcome: &Outcome) -> (Option<u16>, Option<Value>) {
    match outcome {
        Outcome::Response { status, .. } => (Some(*status), None),
        Outcome::Failure { kind, detail } => {
            (None, Some(json!({"code": kind.code(), "message": detail})))
        }
    }
}

/// A delivery as lists show it.
pub(crate) fn show(delivery: &Delivery) -> Value {
    let (code, error) = delivery
        .last
        .as_ref()
        .map_or((None, None), |attempt| text_of(&attempt.outcome));
    let is_failing = delivery.status != Status::Completed;
    let why = match (delivery.reason, code) {
        _ if !is_failing => None,
        (Some(reason), Some(code)) => {
            Some(format!("{}: the receiver answered {code}", reason.as_str()))
        }
        (Some(reason), None) => Some(reason.as_str().to_owned()),
        (None, Some(code)) => Some(format!("the receiver answered {code}")),
        (None, None) => error
            .as_ref()
            .and_then(|e| e.get("code"))
            .and_then(Value::as_str)
            .map(str::to_owned),
    };
    let processed = delivery
        .last
        .as_ref()
        .map(|attempt| attempt.at.plus(attempt.duration).rfc3339());
    compact(json!({
        "id": delivery.id.to_string(),
        "eventId": delivery.event_id.as_str(),
        "eventType": delivery.event_type.as_str(),
        "webhookId": delivery.id.webhook.as_str(),
        "status": delivery.status.as_str(),
        "attempts": delivery.attempts,
        "createdAt": delivery.id.event.time().rfc3339(),
        "processedAt": processed,
        "nextAttemptAt": delivery.due.map(Time::rfc3339),
        "error": why,
        "lastResponseCode": code,
        "test": delivery.test.then_some(true),
    }))
}

fn show_attempt(attempt: &Attempt) -> Value {
    let (code, error) = text_of(&attempt.outcome);
    let (headers, body, truncated) = match &attempt.outcome {
        Outcome::Response {
            headers,
            body,
            truncated,
            ..
        } => {
            let headers: Map<String, Value> = headers
                .iter()
                .map(|(n, v)| (n.clone(), Value::from(v.as_str())))
                .collect();
            (Some(headers), Some(body.as_str()), Some(*truncated))
        }
        Outcome::Failure { .. } => (None, None, None),
    };
    compact(json!({
        "number": attempt.number,
        "trigger": attempt.trigger.as_str(),
        "at": attempt.at.rfc3339(),
        "durationMs": attempt.duration.as_millis(),
        "url": attempt.url,
        "responseCode": code,
        "responseHeaders": headers,
        "responseBody": body,
        "truncated": truncated,
        "error": error,
    }))
}

pub(crate) async fn list(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let known = ["status", "webhookId", "type", "since", "until"];
    let query = ListQuery::new(query, format!("deliveries/{}", caller.tenant), &known)?;
    let filter = DeliveryFilter {
        status: query.filter("status", |text| {
            Status::ALL
                .into_iter()
                .find(|status| status.as_str() == text)
        })?,
        webhook: query.filter("webhookId", |text| text.parse().ok())?,
        event_type: query.filter("type", |text| text.parse().ok())?,
        since: query.time("since")?,
        until: query.time("until")?,
    };
    let page = app
        .log
        .deliveries(
            &caller.tenant,
            &filter,
            query.cursor(&app)?.as_deref(),
            query.limit()?,
        )
        .await?;
    Ok(query.answer(&app, page, show))
}

pub(crate) async fn get(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let id: DeliveryId = id.parse().map_err(|_| Rejection::not_found())?;
    let detail = app
        .log
        .delivery(&caller.tenant, &id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    let mut answer = show(&detail.delivery);
    let attempts: Vec<_> = detail.attempts.iter().map(show_attempt).collect();
    let Some(members) = answer.as_object_mut() else {
        return Err(Rejection::not_found().into());
    };
    if let Some(attempt) = detail.attempts.last()
        && let Some(contract) = app.config.contract_of(&attempt.contract).await?
    {
        let name = app
            .config
            .event_type(&detail.event.event_type)
            .await?
            .and_then(|entry| entry.name);
        let request = masked::request(
            &contract,
            &detail.event,
            &detail.delivery,
            attempt,
            name.as_deref(),
        );
        members.insert("request".to_owned(), request);
    }
    members.insert("attemptLog".to_owned(), Value::from(attempts));
    Ok(json(StatusCode::OK, answer))
}

/// One more attempt, as soon as possible. Pressed again while it waits, nothing more happens.
pub(crate) async fn retry(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRetry).await?;
    let id: DeliveryId = id.parse().map_err(|_| Rejection::not_found())?;
    let detail = app
        .log
        .delivery(&caller.tenant, &id)
        .await?
        .ok_or_else(Rejection::not_found)?;
    if !app
        .config
        .webhook(&caller.tenant, &id.webhook)
        .await?
        .is_some_and(|webhook| webhook.active)
    {
        let detail = "The webhook of this delivery is switched off or deleted: switch it on first.";
        return Err(Rejection::new(Code::WebhookInactive, detail).into());
    }
    if !retry_by_hand(
        &app.log,
        &app.deliveries,
        &SystemMoment,
        &caller.tenant,
        &id,
    )
    .await?
    {
        return Err(Rejection::not_found().into());
    }
    let status = detail.delivery.status.as_str();
    Ok(json(
        StatusCode::ACCEPTED,
        json!({"deliveryId": id.to_string(), "status": status}),
    ))
}
