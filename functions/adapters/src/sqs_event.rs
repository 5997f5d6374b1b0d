//! SQS batches from Lambda, and the response that says which messages come back, and when.

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use domain::flow::{AWS_CALL_TIMEOUT, QueueKind, QueueMessage, retry_after};
use domain::ports::{Clock as _, Fault, Stage};
use domain::time::Time;
use serde_json::json;

use crate::aws_error::aws_fault;
use crate::clients;
use crate::clock::{SystemClock, now};
use crate::telemetry;

/// A record lacks a field that SQS always sends. The invocation fails and the whole batch comes
/// back: a response that names no message, or an empty one, would be taken as "all failed" anyway
/// (AWS Lambda Developer Guide, "Implementing partial batch responses").
#[derive(Debug, thiserror::Error)]
#[error("an SQS record has no {0}")]
pub struct MalformedRecord(&'static str);

/// The queues that a function reads.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    /// The ARN of the queue that tenants may send to, or of its dead-letter queue.
    pub events: Option<String>,
    /// The ARN of the queue that only Postel and the scheduler send to, or of its dead-letter
    /// queue.
    pub internal: Option<String>,
    /// The ARN of the slow lane.
    pub slow: Option<String>,
}

impl Queues {
    /// The queue of an ARN. `None` for an unknown ARN: a misconfigured ARN must never let a
    /// tenant's message be read as an internal one.
    fn source(&self, arn: &str) -> Option<QueueKind> {
        let all = [
            (&self.events, QueueKind::Events),
            (&self.internal, QueueKind::Deliveries),
            (&self.slow, QueueKind::Slow),
        ];
        let named = |(ours, _): &(&Option<String>, QueueKind)| ours.as_deref() == Some(arn);
        all.into_iter().find(named).map(|(_, source)| source)
    }
}

/// A received batch.
pub struct Batch {
    /// Its messages.
    pub messages: Vec<QueueMessage>,
    /// The receipt handle of each message, in the same order.
    receipts: Vec<String>,
}

/// Reads a batch.
///
/// # Errors
/// If a record is incomplete, or from another queue.
pub fn batch(event: SqsEvent, queues: &Queues) -> Result<Batch, MalformedRecord> {
    let received = now();
    let mut batch = Batch {
        messages: Vec::with_capacity(event.records.len()),
        receipts: Vec::with_capacity(event.records.len()),
    };
    for mut record in event.records {
        batch
            .receipts
            .push(record.receipt_handle.take().unwrap_or_default());
        batch.messages.push(message(record, queues, received)?);
    }
    Ok(batch)
}

fn message(
    record: SqsMessage,
    queues: &Queues,
    received: Time,
) -> Result<QueueMessage, MalformedRecord> {
    let number = |name: &str| {
        record
            .attributes
            .get(name)
            .and_then(|text| text.parse::<i64>().ok())
    };
    let sent = number("SentTimestamp").ok_or(MalformedRecord("SentTimestamp"))?;
    let receives =
        number("ApproximateReceiveCount").ok_or(MalformedRecord("ApproximateReceiveCount"))?;
    let source = record
        .event_source_arn
        .as_deref()
        .and_then(|arn| queues.source(arn))
        .ok_or(MalformedRecord("eventSourceARN of ours"))?;
    Ok(QueueMessage {
        id: record
            .message_id
            .filter(|id| !id.is_empty())
            .ok_or(MalformedRecord("messageId"))?,
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

/// Makes messages come back sooner than their queue's visibility timeout.
pub struct Returns {
    sqs: Client,
    queues: Vec<(QueueKind, String)>,
}

impl Returns {
    /// For messages of these queues, each by its URL.
    #[must_use]
    pub fn new(aws: &SdkConfig, queues: Vec<(QueueKind, String)>) -> Self {
        Self {
            sqs: clients::sqs(aws),
            queues,
        }
    }

    /// The response for failed messages, after setting when they come back. One SQS request for
    /// each queue with a failure, none if there is no failure. `deadline` is when the invocation
    /// ends: without time for the requests, they are left out, and the messages wait for the
    /// visibility timeout.
    pub async fn answer(
        &self,
        batch: &Batch,
        failed: Vec<(String, Fault)>,
        deadline: Time,
    ) -> SqsBatchResponse {
        for (source, url) in &self.queues {
            let entries = entries(batch, &failed, *source);
            if !entries.is_empty() && deadline.since(now()) > AWS_CALL_TIMEOUT {
                self.hide(url, entries).await;
            }
        }
        response(failed)
    }

    async fn hide(&self, url: &str, entries: Vec<ChangeMessageVisibilityBatchRequestEntry>) {
        let changed = self
            .sqs
            .change_message_visibility_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await;
        let refused = match changed {
            Ok(answer) => match answer.failed.first() {
                None => return,
                Some(refused) => Fault::transient(Stage::Enqueue, format!("{refused:?}")),
            },
            Err(e) => aws_fault(e, Stage::Enqueue),
        };
        telemetry::fault("message.retry_delay_failed", &refused, &json!({}));
    }
}

/// The entries of the request for one queue.
fn entries(
    batch: &Batch,
    failed: &[(String, Fault)],
    source: QueueKind,
) -> Vec<ChangeMessageVisibilityBatchRequestEntry> {
    let of_queue = batch.messages.iter().zip(&batch.receipts).enumerate();
    of_queue
        .filter(|(_, (message, _))| message.source == source)
        .filter_map(|(index, (message, receipt))| {
            let (_, fault) = failed.iter().find(|(id, _)| *id == message.id)?;
            let after = retry_after(fault, message.receives, SystemClock.random_unit())?;
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt)
                .visibility_timeout(i32::try_from(after.as_secs()).unwrap_or(i32::MAX))
                .build()
                .ok()
        })
        .collect()
}

/// The response: exactly the messages that Postel failed to process, each with a line in the log.
fn response(failed: Vec<(String, Fault)>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for (id, fault) in failed {
        telemetry::fault("message.retried", &fault, &json!({"message_id": id}));
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internal_queue_itself_is_believed_to_be_it() {
        let queues = Queues {
            events: Some("arn:aws:sqs:eu-west-1:1:p-events".into()),
            internal: Some("arn:aws:sqs:eu-west-1:1:p-deliveries".into()),
            slow: Some("arn:aws:sqs:eu-west-1:1:p-slow".into()),
        };
        let events = queues.events.clone().unwrap();
        for (name, source) in [
            ("events", QueueKind::Events),
            ("deliveries", QueueKind::Deliveries),
            ("slow", QueueKind::Slow),
        ] {
            let arn = format!("arn:aws:sqs:eu-west-1:1:p-{name}");
            assert_eq!(queues.source(&arn), Some(source));
        }
        for arn in [
            "",
            "arn:aws:sqs:eu-west-1:1:p-events ",
            "arn:aws:sqs:eu-west-1:1:p-deliveries-dead",
            "arn:aws:sqs:eu-west-1:2:p-deliveries",
        ] {
            assert_eq!(queues.source(arn), None, "{arn}");
        }
        // If all ARNs are equal by mistake, every message is treated as an external one.
        let alike = Queues {
            internal: Some(events.clone()),
            slow: Some(events.clone()),
            ..queues
        };
        assert_eq!(alike.source(&events), Some(QueueKind::Events));
    }
}
