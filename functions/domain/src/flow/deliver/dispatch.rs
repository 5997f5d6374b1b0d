//! Processes a batch of messages concurrently and returns exactly those that failed because of
//! Postel, not because of a receiver.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;

use super::{FailingReceivers, SlowReceiverDetector};
use crate::dead_letter::Body;
use crate::flow::Policy;
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
    /// Queues of the next attempts and of the slow lane.
    type Tasks: TaskQueue + SlowTaskQueue;
    /// Sends requests to receivers.
    type Sender: Sender;
    /// Decrypts credentials.
    type Cipher: SecretCipher;
    /// Sends mails to a tenant's contact.
    type Mailer: Mailer;
    /// Metrics and logs for operators.
    type Telemetry: Telemetry;
    /// Time and randomness.
    type Clock: Clock;
    /// Events, deliveries and dead letters.
    fn store(&self) -> &Self::Store;
    /// Tenants and webhooks.
    fn config(&self) -> &Self::Config;
    /// Queues of the next attempts and of the slow lane.
    fn tasks(&self) -> &Self::Tasks;
    /// Sends requests to receivers.
    fn sender(&self) -> &Self::Sender;
    /// Decrypts credentials.
    fn cipher(&self) -> &Self::Cipher;
    /// Sends mails to a tenant's contact.
    fn mailer(&self) -> &Self::Mailer;
    /// Metrics and logs for operators.
    fn telemetry(&self) -> &Self::Telemetry;
    /// Time and randomness.
    fn clock(&self) -> &Self::Clock;
}

/// Delivers events.
pub struct Dispatcher<D> {
    /// The systems that the dispatcher calls.
    pub deps: D,
    /// The operator's settings.
    pub policy: Policy,
    /// How slow this process has found its receivers to be, over all its batches.
    pub slow_receivers: Arc<SlowReceiverDetector>,
    /// Which webhooks' marks its outcomes change.
    pub failing_receivers: FailingReceivers,
}

/// The queue that a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// The public queue: every principal that the queue's policy admits may send.
    Events,
    /// The deliveries queue: only Postel and the scheduler may send.
    Deliveries,
    /// The slow lane: only Postel may send.
    Slow,
}

/// A message as SQS delivers it.
#[derive(Clone, Debug)]
pub struct QueueMessage {
    /// SQS's message id.
    pub id: String,
    /// The queue that it came from.
    pub source: QueueKind,
    /// The message body.
    pub body: String,
    /// `SenderId`.
    pub sender: String,
    /// `SentTimestamp`.
    pub sent: Time,
    /// `ApproximateReceiveCount`.
    pub receives: u32,
    /// When this invocation received it, by its own clock.
    pub received: Time,
}

impl QueueMessage {
    /// The part of the body that a dead letter keeps.
    pub(in crate::flow) fn body_of_dead(&self) -> Body {
        Body::Message {
            text: Some(self.body.clone()),
            sender: self.sender.clone(),
            message_id: self.id.clone(),
        }
    }

    /// A snapshot read at or after this time contains every change made before the message was
    /// sent: it was read after the message was received, which is certain, or, by the clocks, after
    /// it was sent.
    pub(in crate::flow) fn snapshot_not_before(&self) -> Time {
        self.received.min(self.sent.plus(CLOCK_SKEW))
    }
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Processes a batch. Returns the ids of the messages that must come back, each with the fault
    /// to log. `deadline` is when the invocation ends.
    pub async fn batch(&self, messages: &[QueueMessage], deadline: Time) -> Vec<(String, Fault)> {
        let work = messages.iter().map(|message| async move {
            // A panic in one message must not fail the invocation, and with it the other messages
            // of the batch.
            let result = AssertUnwindSafe(self.message(message, deadline))
                .catch_unwind()
                .await;
            match result {
                Ok(Ok(())) => None,
                Ok(Err(fault)) => Some((message.id.clone(), fault)),
                Err(_) => Some((
                    message.id.clone(),
                    Fault::bug(
                        Stage::HandleMessage,
                        "the code behind this message panicked",
                    ),
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
        self.publish_failing().await;
        result
    }
}
