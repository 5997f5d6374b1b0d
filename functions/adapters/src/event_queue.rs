//! Announces a stored event to the dispatcher: a message with its key on the events queue.
//!
//! A key must never be sent twice without a mark in the table
//! (functions/domain/src/flow/possible_duplicate.rs says why). So the SDK repeats nothing. This
//! file repeats what SQS refused, but not what may have arrived. Tests: row 3 of `make chaos`, and
//! test_repeats.py.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::ids::TenantId;
use domain::messages::StoredEventMessage;
use domain::ports::{Clock as _, EventQueue, Fault, OrFault as _, Stage};
use domain::ulid::Ulid;
use futures::future::join_all;

use crate::aws_error::aws_fault;
use crate::clients::{FIRST_BACKOFF, MAX_ATTEMPTS};
use crate::clock::SystemClock;
use crate::task_queue::{MAX_SQS_DELAY, text};

/// The maximum number of messages in one SQS request.
const MAX_BATCH: usize = 10;

/// Sends the keys of stored events to the events queue.
pub struct SqsEventQueue {
    sqs: aws_sdk_sqs::Client,
    url: String,
    again_after: Duration,
}

impl SqsEventQueue {
    /// On the events queue. `again_after` is the maximum run time of a dispatcher.
    #[must_use]
    pub fn new(aws: &SdkConfig, url: String, again_after: Duration) -> Self {
        let once = aws_sdk_sqs::config::Builder::from(aws)
            .retry_config(RetryConfig::disabled())
            .build();
        Self {
            sqs: aws_sdk_sqs::Client::from_conf(once),
            url,
            again_after,
        }
    }

    /// Up to ten messages in one request, which costs as much as one message. Returns the keys that
    /// SQS rejected. Temporary refusals are retried as the SDK would.
    async fn send_batch(
        &self,
        tenant: &TenantId,
        events: &[Ulid],
        possible_duplicate: bool,
    ) -> Result<Vec<(Ulid, Fault)>, Fault> {
        let mut pause = FIRST_BACKOFF;
        for is_last in (1..=MAX_ATTEMPTS).map(|tries| tries == MAX_ATTEMPTS) {
            match self
                .send_batch_once(tenant, events, possible_duplicate)
                .await
            {
                Err(fault)
                    if !is_last
                        && fault.is_transient()
                        && (possible_duplicate || fault.stage == Stage::Enqueue) =>
                {
                    SystemClock
                        .sleep(pause.mul_f64(SystemClock.random_unit()))
                        .await;
                    pause = pause.saturating_mul(2);
                }
                result => return result,
            }
        }
        Ok(Vec::new())
    }

    async fn send_batch_once(
        &self,
        tenant: &TenantId,
        events: &[Ulid],
        possible_duplicate: bool,
    ) -> Result<Vec<(Ulid, Fault)>, Fault> {
        let delay = possible_duplicate
            .then(|| i32::try_from(self.again_after.min(MAX_SQS_DELAY).as_secs()).unwrap_or(900));
        let mut request = self.sqs.send_message_batch().queue_url(&self.url);
        for event in events {
            let message = StoredEventMessage {
                tenant_id: tenant.clone(),
                stored: *event,
            };
            let entry = SendMessageBatchRequestEntry::builder()
                .id(event.to_string())
                .message_body(text(&message)?)
                .message_group_id(tenant.as_str())
                .set_delay_seconds(delay)
                .build()
                .or_bug(Stage::Enqueue)?;
            request = request.entries(entry);
        }
        let answer = request.send().await.map_err(|e| {
            let stage = stage(&e);
            aws_fault(e, stage)
        })?;
        let refused = answer.failed.iter().filter_map(|entry| {
            let event = entry.id.parse().ok()?;
            Some((event, Fault::transient(Stage::Enqueue, entry.code.clone())))
        });
        Ok(refused.collect())
    }
}

/// Whether a failed request may have been executed: only a refusal is certain, and one below 500.
fn stage<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Stage {
    match error {
        SdkError::ConstructionFailure(_) => Stage::Enqueue,
        SdkError::ServiceError(refused) if refused.raw().status().is_client_error() => {
            Stage::Enqueue
        }
        _ => Stage::Ambiguous,
    }
}

impl EventQueue for SqsEventQueue {
    async fn send(
        &self,
        tenant: &TenantId,
        event: Ulid,
        possible_duplicate: bool,
    ) -> Result<(), Fault> {
        match self
            .send_batch(tenant, &[event], possible_duplicate)
            .await?
            .pop()
        {
            Some((_, fault)) => Err(fault),
            None => Ok(()),
        }
    }

    async fn send_all(
        &self,
        tenant: &TenantId,
        events: &[Ulid],
        possible_duplicate: bool,
    ) -> Vec<(Ulid, Fault)> {
        let batches = events.chunks(MAX_BATCH).map(|some| async move {
            match self.send_batch(tenant, some, possible_duplicate).await {
                Ok(refused) => refused,
                Err(Fault {
                    stage,
                    kind,
                    source,
                }) => {
                    let why = source.to_string();
                    let fault = |_: &Ulid| Fault {
                        stage,
                        kind,
                        source: why.clone().into(),
                    };
                    some.iter().map(|event| (*event, fault(event))).collect()
                }
            }
        });
        join_all(batches).await.into_iter().flatten().collect()
    }
}
