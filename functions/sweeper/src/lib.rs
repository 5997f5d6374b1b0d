//! Sweeps the index of due deliveries and the list of running jobs.

mod deps;

use std::time::Duration;

use adapters::dead_letters::DeadLetterTable;
use adapters::delivery_store::DeliveryTable;
use adapters::env;
use adapters::settings::{parsed, required, seconds};
use adapters::task_queue::{ImmediateTaskQueue, Queue};
use adapters::{clients, telemetry};
use domain::flow::{AWS_CALL_TIMEOUT, RECORDING_RESERVE, Sweeper};
use domain::time::Time;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

use deps::Deps;

/// The function: built once per process, called every few minutes.
pub struct Handler {
    sweeper: Sweeper<Deps>,
}

impl Handler {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or invalid.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::sdk_config(AWS_CALL_TIMEOUT);
        // It creates no events and no dead letters, so the retention does not matter.
        let no_time = Duration::ZERO;
        let dead_letters = required(env::DEAD_LETTERS_TABLE)?;
        let deps = Deps {
            due: DeliveryTable::new(
                &aws,
                required(env::LOG_TABLE)?,
                dead_letters.clone(),
                no_time,
                parsed(env::DUE_SHARDS)?,
            ),
            jobs: DeadLetterTable::new(&aws, dead_letters),
            tasks: ImmediateTaskQueue(Queue::new(&aws, required(env::DELIVERIES_QUEUE_URL)?)),
            job_queue: Queue::new(&aws, required(env::JOBS_QUEUE_URL)?),
        };
        Ok(Self {
            sweeper: Sweeper {
                deps,
                grace: seconds(env::SWEEP_GRACE_SECONDS)?,
            },
        })
    }

    /// Sweeps once.
    ///
    /// # Errors
    /// A fault, after which the next sweep continues.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let end = i64::try_from(event.context.deadline).unwrap_or(0);
        let deadline =
            Time::from_millis(end - i64::try_from(RECORDING_RESERVE.as_millis()).unwrap_or(0));
        let (swept, result) = self.sweeper.sweep(deadline).await;
        telemetry::sweep_finished(&swept);
        result?;
        Ok(json!({"revived": swept.revived()}))
    }
}
