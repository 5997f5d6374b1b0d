//! How many messages the queues have.

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::ports::{Fault, Stage};
use futures::future::try_join_all;

use crate::aws_error::OrAwsFault as _;
use crate::clients;

/// How many messages a queue has. SQS counts approximately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// May be received now.
    pub waiting: u64,
    /// Received, and neither deleted nor given back yet.
    pub in_flight: u64,
    /// Sent with a delay that has not passed.
    pub delayed: u64,
}

/// Counts the messages of some queues.
pub struct Backlog<const N: usize> {
    sqs: aws_sdk_sqs::Client,
    urls: [String; N],
}

impl<const N: usize> Backlog<N> {
    /// Of the queues at these URLs.
    #[must_use]
    pub fn new(aws: &SdkConfig, urls: [String; N]) -> Self {
        Self {
            sqs: clients::sqs(aws),
            urls,
        }
    }

    /// One request for each queue, in their order.
    ///
    /// # Errors
    /// If SQS does not answer.
    pub async fn depths(&self) -> Result<Vec<QueueDepth>, Fault> {
        try_join_all(self.urls.iter().map(|url| self.depth(url))).await
    }

    async fn depth(&self, url: &str) -> Result<QueueDepth, Fault> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let names = vec![Waiting, InFlight, Delayed];
        let asked = self.sqs.get_queue_attributes().queue_url(url);
        let answer = Box::pin(asked.set_attribute_names(Some(names)).send())
            .await
            .or_fault(Stage::ReadMessage)?;
        let number = |name: &QueueAttributeName| -> Result<u64, Fault> {
            let text = answer.attributes().and_then(|all| all.get(name));
            text.and_then(|text| text.parse().ok()).ok_or_else(|| {
                let missing = format!("no {} in SQS's answer", name.as_str());
                Fault::transient(Stage::ReadMessage, missing)
            })
        };
        Ok(QueueDepth {
            waiting: number(&Waiting)?,
            in_flight: number(&InFlight)?,
            delayed: number(&Delayed)?,
        })
    }
}
