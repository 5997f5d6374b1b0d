//! Sweeps the index of due deliveries.

use adapters::log::LogTable;
use adapters::queue::{AtOnce, Queue};
use adapters::settings::{required, seconds};
use adapters::wired::Wired;
use adapters::{clients, telemetry};
use domain::flow::{LONGEST_CALL, RESERVE, Sweeper};
use domain::time::Time;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

type Ports = Wired<(), LogTable, (), AtOnce>;

/// The function: built once per process, called every few minutes.
pub struct Function {
    sweeper: Sweeper<Ports>,
}

impl Function {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or broken.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::aws(LONGEST_CALL);
        let ports = Wired {
            // It writes no event and no dead letter, so retention and the other table's name do not matter.
            log: LogTable::new(
                &aws,
                required("POSTEL_LOG_TABLE")?,
                String::new(),
                std::time::Duration::ZERO,
            ),
            carrier: AtOnce(Queue::new(&aws, required("POSTEL_DELIVERIES_QUEUE_URL")?)),
            directory: (),
            dead_letters: (),
            sender: (),
            vault: (),
            mailer: (),
        };
        Ok(Self {
            sweeper: Sweeper {
                ports,
                grace: seconds("POSTEL_SWEEP_GRACE_SECONDS")?,
            },
        })
    }

    /// Sweeps once.
    ///
    /// # Errors
    /// A fault, after which the next sweep goes on.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let end = i64::try_from(event.context.deadline).unwrap_or(0);
        let deadline = Time::from_millis(end - i64::try_from(RESERVE.as_millis()).unwrap_or(0));
        let revived = match self.sweeper.sweep(deadline).await {
            Ok(revived) => revived,
            Err(fault) => {
                telemetry::fault("the sweep stopped", &fault, &json!({}));
                return Err(fault.into());
            }
        };
        telemetry::info("swept", &json!({"revived": revived}));
        Ok(json!({"revived": revived}))
    }
}
