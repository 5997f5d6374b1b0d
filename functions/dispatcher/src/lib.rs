//! Delivers events: one batch of messages at a time, all of them concurrently.

mod deps;

use std::sync::Arc;

use adapters::clock::{SystemClock, now};
use adapters::config::{ConfigCache, ConfigTable};
use adapters::delivery_store::{DeliveryTable, days};
use adapters::egress::{HttpSender, SystemLookup};
use adapters::env;
use adapters::inbox::{InboxSender, InboxTable};
use adapters::kms::KmsCipher;
use adapters::mail::SesMailer;
use adapters::settings::{
    list, networks, optional, parsed, ports, required, required_list, seconds,
};
use adapters::sqs_event::{self, Queues, Returns};
use adapters::task_queue::{Queue, ScheduleSettings, TaskScheduler};
use adapters::telemetry::LogTelemetry;
use adapters::{clients, telemetry};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::flow::{
    AWS_CALL_TIMEOUT, Dispatcher, FailingReceivers, Policy, QueueKind, SlowReceiverDetector,
};
use domain::guard::EgressPolicy;
use domain::ports::Clock as _;
use domain::time::Time;
use lambda_runtime::{Error, LambdaEvent};
use tokio::runtime::Handle;

use deps::Deps;

/// The function: built once per process, called once per batch.
pub struct Handler {
    dispatcher: Dispatcher<Deps>,
    queues: Queues,
    returns: Returns,
}

impl Handler {
    /// From the environment. Connections to receivers run on the threads of `receivers`.
    ///
    /// # Errors
    /// A setting that is missing or invalid.
    pub async fn from_env(receivers: Handle) -> Result<Self, Error> {
        let aws = clients::sdk_config(AWS_CALL_TIMEOUT);
        let retention = days(parsed(env::RETENTION_DAYS)?);
        let dead_letters = required(env::DEAD_LETTERS_TABLE)?;
        let config = ConfigTable::new(&aws, required(env::CONFIG_TABLE)?);
        let schedules = ScheduleSettings {
            group: required(env::SCHEDULE_GROUP)?,
            role: required(env::SCHEDULER_ROLE_ARN)?,
            target: required(env::DELIVERIES_QUEUE_ARN)?,
            dead_letters: required(env::DELIVERIES_DEAD_LETTER_QUEUE_ARN)?,
            above: seconds(env::QUEUE_DELAY_LIMIT_SECONDS)?,
        };
        let egress = EgressPolicy::new(
            networks(env::ALLOWED_CIDRS)?,
            parsed(env::ALLOW_HTTP)?,
            required_list(env::API_HOSTS)?,
        )
        .with_ports(ports(env::ALLOWED_PORTS)?);
        let log = required(env::LOG_TABLE)?;
        let receivers =
            HttpSender::new(egress, SystemLookup, &[])?.with_receiver_runtime(receivers);
        let deps = Deps {
            config: ConfigCache::new(config, seconds(env::MAX_WEBHOOK_TIMEOUT_SECONDS)?),
            store: DeliveryTable::new(
                &aws,
                log.clone(),
                dead_letters,
                retention,
                parsed(env::DUE_SHARDS)?,
            ),
            tasks: TaskScheduler::new(
                &aws,
                Queue::new(&aws, required(env::DELIVERIES_QUEUE_URL)?),
                Queue::new(&aws, required(env::SLOW_QUEUE_URL)?),
                schedules,
            ),
            sender: InboxSender::new(InboxTable::new(&aws, log), receivers),
            cipher: KmsCipher::new(&aws),
            mailer: SesMailer::new(&aws, optional(env::SENDER_ADDRESS)),
            telemetry: LogTelemetry {
                attempts: parsed(env::ATTEMPT_LOG)?,
            },
        };
        let policy = Policy {
            trusted_senders: list(env::TRUSTED_SENDERS),
            user_agent: concat!("Postel/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let returns = vec![
            (QueueKind::Events, required(env::EVENTS_QUEUE_URL)?),
            (QueueKind::Deliveries, required(env::DELIVERIES_QUEUE_URL)?),
            (QueueKind::Slow, required(env::SLOW_QUEUE_URL)?),
        ];
        Ok(Self {
            dispatcher: Dispatcher {
                deps,
                policy,
                slow_receivers: Arc::new(SlowReceiverDetector::varied(SystemClock.random_unit())),
                failing_receivers: FailingReceivers::default(),
            },
            queues: Queues {
                events: Some(required(env::EVENTS_QUEUE_ARN)?),
                internal: Some(required(env::DELIVERIES_QUEUE_ARN)?),
                slow: Some(required(env::SLOW_QUEUE_ARN)?),
            },
            returns: Returns::new(&aws, returns),
        })
    }

    /// Handles one batch.
    ///
    /// # Errors
    /// A record that SQS cannot have sent: the whole batch comes back.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let batch = sqs_event::batch(event.payload, &self.queues)?;
        let deadline = Time::from_millis(
            i64::try_from(event.context.deadline).unwrap_or_else(|_| now().millis()),
        );
        let failed = self.dispatcher.batch(&batch.messages, deadline).await;
        let response = self.returns.answer(&batch, failed, deadline).await;
        telemetry::flush();
        Ok(response)
    }
}
