//! A batch of messages: all of it at once, and the exact list of those that we, not a receiver,
//! failed to process.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;

use super::{Policy, SlowReceiverDetector};
use crate::dead_letter::Body;
use crate::ports::{
    Clock, ConfigStore, DeliveryStore, Fault, Mailer, SecretCipher, Sender, SlowTaskQueue, Stage,
    TaskQueue, Telemetry,
};
use crate::time::{CLOCK_SKEW, Time};

/// The systems that the dispatcher calls.
pub trait DispatcherDeps: Sync {
    /// Events, deliveries and dead letters.
    type Store: DeliveryStore;
    /// Tenants and webhooks.
    type Config: ConfigStore;
    /// The way to the next attempt, and to the slow lane.
    type Tasks: TaskQueue + SlowTaskQueue;
    /// The way out to receivers.
    type Sender: Sender;
    /// Opens credentials.
    type Cipher: SecretCipher;
    /// Mails to a tenant's contact.
    type Mailer: Mailer;
    /// What operators see.
    type Telemetry: Telemetry;
    /// Time and randomness.
    type Clock: Clock;
    /// Events, deliveries and dead letters.
    fn store(&self) -> &Self::Store;
    /// Tenants and webhooks.
    fn config(&self) -> &Self::Config;
    /// The way to the next attempt, and to the slow lane.
    fn tasks(&self) -> &Self::Tasks;
    /// The way out to receivers.
    fn sender(&self) -> &Self::Sender;
    /// Opens credentials.
    fn cipher(&self) -> &Self::Cipher;
    /// Mails to a tenant's contact.
    fn mailer(&self) -> &Self::Mailer;
    /// What operators see.
    fn telemetry(&self) -> &Self::Telemetry;
    /// Time and randomness.
    fn clock(&self) -> &Self::Clock;
}

/// Delivers events.
pub struct Dispatcher<D> {
    /// The systems that it calls.
    pub deps: D,
    /// What the operator set.
    pub policy: Policy,
    /// What this process knows of its receivers' pace, over all its batches.
    pub slow_receivers: Arc<SlowReceiverDetector>,
}

/// Which queue a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// The public queue: anybody whom the queue's policy lets in.
    Events,
    /// The deliveries queue: ourselves and the scheduler only.
    Deliveries,
    /// The slow lane: ourselves only.
    Slow,
}

/// A message as SQS hands it over.
#[derive(Clone, Debug)]
pub struct QueueMessage {
    /// SQS's message id.
    pub id: String,
    /// From where.
    pub source: QueueKind,
    /// The text.
    pub body: String,
    /// `SenderId`.
    pub sender: String,
    /// `SentTimestamp`.
    pub sent: Time,
    /// `ApproximateReceiveCount`.
    pub receives: u32,
    /// When this invocation began, by its own clock.
    pub received: Time,
}

impl QueueMessage {
    /// What a dead letter keeps of it.
    pub(super) fn body_of_dead(&self) -> Body {
        Body::Message {
            text: Some(self.body.clone()),
            sender: self.sender.clone(),
            message_id: self.id.clone(),
        }
    }

    /// What was read since then knows everything that stood when the message was sent: read after
    /// we received it, which is certain, or by the clocks after it was sent.
    pub(super) fn snapshot_not_before(&self) -> Time {
        self.received.min(self.sent.plus(CLOCK_SKEW))
    }
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Processes a batch. The answer names the messages that must come back, each with the fault to
    /// log. `deadline` is when the invocation ends.
    pub async fn batch(&self, messages: &[QueueMessage], deadline: Time) -> Vec<(String, Fault)> {
        let work = messages.iter().map(|message| async move {
            // One message's bug must not take its neighbours with it: a panic would fail the whole
            // invocation, and with it the batch.
            let result = AssertUnwindSafe(self.message(message, deadline))
                .catch_unwind()
                .await;
            match result {
                Ok(Ok(())) => None,
                Ok(Err(fault)) => Some((message.id.clone(), fault)),
                Err(_) => Some((
                    message.id.clone(),
                    Fault::new(Stage::Panic, "the code behind this message panicked"),
                )),
            }
        });
        join_all(work).await.into_iter().flatten().collect()
    }

    async fn message(&self, message: &QueueMessage, deadline: Time) -> Result<(), Fault> {
        let result = match message.source {
            QueueKind::Events => self.event_message(message, deadline).await,
            QueueKind::Deliveries | QueueKind::Slow => self.task_message(message, deadline).await,
        };
        self.publish_changes().await;
        result
    }
}

#[cfg(test)]
mod tests;
