//! Consumes the dead-letter queues: writes their messages into the dead-letter table.

mod deps;

use adapters::config::{ConfigCache, ConfigTable};
use adapters::delivery_store::{DeliveryTable, days};
use adapters::env;
use adapters::settings::{list, parsed, required};
use adapters::sqs_event::{self, Queues, Returns};
use adapters::telemetry::LogTelemetry;
use adapters::{clients, telemetry};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::contract::MAX_TIMEOUT_SECONDS;
use domain::flow::{AWS_CALL_TIMEOUT, DlqConsumer, Policy, QueueKind};
use domain::time::Time;
use lambda_runtime::{Error, LambdaEvent};

use deps::Deps;

/// The function: built once per process, called once per batch.
pub struct Handler {
    consumer: DlqConsumer<Deps>,
    queues: Queues,
    returns: Returns,
}

impl Handler {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or invalid.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::sdk_config(AWS_CALL_TIMEOUT);
        let retention = days(parsed(env::RETENTION_DAYS)?);
        let dead_letters = required(env::DEAD_LETTERS_TABLE)?;
        let config = ConfigTable::new(&aws, required(env::CONFIG_TABLE)?);
        let longest = std::time::Duration::from_secs(u64::from(MAX_TIMEOUT_SECONDS));
        let deps = Deps {
            store: DeliveryTable::new(
                &aws,
                required(env::LOG_TABLE)?,
                dead_letters,
                retention,
                parsed(env::DUE_SHARDS)?,
            ),
            config: ConfigCache::new(config, longest),
            telemetry: LogTelemetry::default(),
        };
        let policy = Policy {
            trusted_senders: list(env::TRUSTED_SENDERS),
            user_agent: String::new(),
        };
        Ok(Self {
            consumer: DlqConsumer { deps, policy },
            queues: Queues {
                events: Some(required(env::EVENTS_DEAD_LETTER_QUEUE_ARN)?),
                internal: Some(required(env::DELIVERIES_DEAD_LETTER_QUEUE_ARN)?),
                ..Queues::default()
            },
            returns: Returns::new(
                &aws,
                vec![
                    (
                        QueueKind::Events,
                        required(env::EVENTS_DEAD_LETTER_QUEUE_URL)?,
                    ),
                    (
                        QueueKind::Deliveries,
                        required(env::DELIVERIES_DEAD_LETTER_QUEUE_URL)?,
                    ),
                ],
            ),
        })
    }

    /// Handles one batch, one message after another: dead messages are rare, and none waits for a
    /// receiver.
    ///
    /// # Errors
    /// A record that SQS cannot have sent: the whole batch comes back.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let end = Time::from_millis(i64::try_from(event.context.deadline).unwrap_or(0));
        let mut failed = Vec::new();
        let batch = sqs_event::batch(event.payload, &self.queues)?;
        for message in &batch.messages {
            if let Err(fault) = self.consumer.consume(message).await {
                failed.push((message.id.clone(), fault));
            }
        }
        let response = self.returns.answer(&batch, failed, end).await;
        telemetry::flush();
        Ok(response)
    }
}
