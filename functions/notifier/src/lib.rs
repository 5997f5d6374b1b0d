//! Reads the streams of the config table and the dead-letter table, and publishes what the operator
//! should know.

use adapters::config::ConfigTable;
use adapters::operational_events::{MAX_BATCH, OperationalEvents, OperatorTenant};
use adapters::settings::{optional, parsed_if_set, required};
use adapters::stream_event::{StreamEvent, StreamResponse, Tables};
use adapters::{clients, env, telemetry};
use domain::flow::AWS_CALL_TIMEOUT;
use domain::operational_event::{OperationalEvent, StreamRecord, operational_events};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::json;

/// The function: built once per process, called once per batch of a stream.
pub struct Handler {
    tables: Tables,
    stack: String,
    events: OperationalEvents,
}

impl Handler {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or invalid.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::sdk_config(AWS_CALL_TIMEOUT);
        let tables = Tables {
            config: required(env::CONFIG_TABLE)?,
            dead_letters: required(env::DEAD_LETTERS_TABLE)?,
        };
        let queue_url = required(env::EVENTS_QUEUE_URL)?;
        let tenant = parsed_if_set(env::OPERATOR_TENANT)?.map(|id| OperatorTenant {
            id,
            config: ConfigTable::new(&aws, tables.config.clone()),
            queue_url,
        });
        Ok(Self {
            tables,
            stack: required(env::STACK)?,
            events: OperationalEvents::new(&aws, tenant, optional(env::EVENT_BUS_NAME)),
        })
    }

    /// Handles one batch, in its order. Lambda repeats it from the first record that was not
    /// published. Records before it may be published again, with the same ids.
    ///
    /// # Errors
    /// If nothing of the batch was published.
    pub async fn handle(&self, event: LambdaEvent<StreamEvent>) -> Result<StreamResponse, Error> {
        let mut found: Vec<(String, OperationalEvent)> = Vec::new();
        for record in event.payload.records {
            let (id, time) = (record.id.clone(), record.time());
            let place = record.sequence_number().to_owned();
            let Some(change) = record.change(&self.tables)? else {
                continue;
            };
            let record = StreamRecord { id: &id, time };
            let events = operational_events(&change, record, &self.stack, self.events.operator());
            found.extend(events.into_iter().map(|event| (place.clone(), event)));
        }
        let (places, events): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let batches = events.chunks(MAX_BATCH).zip(places.chunks(MAX_BATCH));
        for (number, (events, places)) in batches.enumerate() {
            let Err(fault) = self.events.publish(events).await else {
                continue;
            };
            let first = places.first().filter(|_| number > 0);
            let Some(first) = first else {
                return Err(fault.into());
            };
            let fields = json!({"sequence_number": first});
            telemetry::fault("operational_events.retried", &fault, &fields);
            return Ok(StreamResponse::from(first.clone()));
        }
        Ok(StreamResponse::default())
    }
}
