//! Runs redrive jobs, each for some seconds at a time.

mod deps;
mod redrive;

use std::time::Duration;

use adapters::clients;
use adapters::config::ConfigTable;
use adapters::dead_letters::DeadLetterTable;
use adapters::delivery_store::{DeliveryTable, days};
use adapters::env;
use adapters::event_queue::SqsEventQueue;
use adapters::settings::{list, parsed, required, seconds};
use adapters::sqs_event::{self, Queues, Returns};
use adapters::task_queue::{ImmediateTaskQueue, Queue};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::flow::{AWS_CALL_TIMEOUT, QueueKind, RedriveRunner};
use domain::format;
use domain::ports::{OrFault as _, Stage};
use domain::time::Time;
use lambda_runtime::{Error, LambdaEvent};

use deps::Deps;
use redrive::JobRedrive;

/// Time reserved at the end of an invocation: a page takes two seconds to process, and then it is
/// recorded.
const SHUTDOWN_RESERVE: Duration = Duration::from_secs(8);

/// The function: built once per process.
pub struct Handler {
    runner: RedriveRunner<Deps>,
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
        let redrive = JobRedrive {
            store: DeliveryTable::new(
                &aws,
                required(env::LOG_TABLE)?,
                dead_letters.clone(),
                retention,
                parsed(env::DUE_SHARDS)?,
            ),
            dead_letters: DeadLetterTable::new(&aws, dead_letters),
            config: ConfigTable::new(&aws, required(env::CONFIG_TABLE)?),
            events: SqsEventQueue::new(
                &aws,
                required(env::EVENTS_QUEUE_URL)?,
                seconds(env::DISPATCHER_TIMEOUT_SECONDS)?,
            ),
            trusted_senders: list(env::TRUSTED_SENDERS),
        };
        let deps = Deps {
            redrive,
            tasks: ImmediateTaskQueue(Queue::new(&aws, required(env::DELIVERIES_QUEUE_URL)?)),
            job_queue: Queue::new(&aws, required(env::JOBS_QUEUE_URL)?),
        };
        let jobs = (QueueKind::Deliveries, required(env::JOBS_QUEUE_URL)?);
        Ok(Self {
            runner: RedriveRunner { deps },
            queues: Queues {
                internal: Some(required(env::JOBS_QUEUE_ARN)?),
                ..Queues::default()
            },
            returns: Returns::new(&aws, vec![jobs]),
        })
    }

    /// Handles a message: runs its job for as long as the invocation lasts.
    ///
    /// # Errors
    /// A record that SQS cannot have sent: the whole batch comes back.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let end = Time::from_millis(i64::try_from(event.context.deadline).unwrap_or(0));
        let deadline = Time::from_millis(
            end.millis() - i64::try_from(SHUTDOWN_RESERVE.as_millis()).unwrap_or(0),
        );
        let mut failed = Vec::new();
        let batch = sqs_event::batch(event.payload, &self.queues)?;
        for message in &batch.messages {
            let job = format::check_message(&message.body)
                .and_then(|()| serde_json::from_str(&message.body).or_corrupt(Stage::ReadMessage));
            let worked = match job {
                Ok(job) => self.runner.run(&job, message.receives, deadline).await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = worked {
                failed.push((message.id.clone(), fault));
            }
        }
        Ok(self.returns.answer(&batch, failed, end).await)
    }
}
