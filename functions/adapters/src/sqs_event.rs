//! SQS batches as Lambda hands them over, and the answer that says which messages come back.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::flow::{Message, Source};
use domain::ports::Fault;
use domain::time::Time;
use serde_json::json;

use crate::clock::now;
use crate::telemetry;

/// A record without the fields that SQS always sends. The invocation fails and the whole batch comes back: an answer that names no message, or an
/// empty one, would be taken as "all failed" anyway (AWS Lambda Developer Guide, "Implementing partial batch responses").
#[derive(Debug, thiserror::Error)]
#[error("an SQS record has no {0}")]
pub struct Incomplete(&'static str);

/// Reads a batch. `events_arn` tells the public queue from the internal one.
///
/// # Errors
/// If a record is incomplete.
pub fn messages(event: SqsEvent, events_arn: &str) -> Result<Vec<Message>, Incomplete> {
    let received = now();
    event
        .records
        .into_iter()
        .map(|record| message(record, events_arn, received))
        .collect()
}

fn message(record: SqsMessage, events_arn: &str, received: Time) -> Result<Message, Incomplete> {
    let number = |name: &str| {
        record
            .attributes
            .get(name)
            .and_then(|text| text.parse::<i64>().ok())
    };
    let sent = number("SentTimestamp").ok_or(Incomplete("SentTimestamp"))?;
    let receives =
        number("ApproximateReceiveCount").ok_or(Incomplete("ApproximateReceiveCount"))?;
    let source = if record.event_source_arn.as_deref() == Some(events_arn) {
        Source::Events
    } else {
        Source::Deliveries
    };
    Ok(Message {
        id: record
            .message_id
            .filter(|id| !id.is_empty())
            .ok_or(Incomplete("messageId"))?,
        source,
        sender: record
            .attributes
            .get("SenderId")
            .cloned()
            .unwrap_or_default(),
        sent: Time::from_millis(sent),
        receives: u32::try_from(receives).unwrap_or(1),
        body: record.body.unwrap_or_default(),
        received,
    })
}

/// The answer: exactly the messages that we failed to process, each with a line in the log.
#[must_use]
pub fn response(failed: Vec<(String, Fault)>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for (id, fault) in failed {
        telemetry::fault("a message comes back", &fault, &json!({"message_id": id}));
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}
