//! The systems that the consumer calls.

use adapters::clock::SystemMoment;
use adapters::config::DynamoDirectory;
use adapters::delivery_store::DeliveryTable;
use adapters::telemetry::Console;
use domain::flow::DlqConsumerDeps;

/// The systems that the consumer calls.
pub(crate) struct Deps {
    pub(crate) store: DeliveryTable,
    pub(crate) config: DynamoDirectory,
}

impl DlqConsumerDeps for Deps {
    type Store = DeliveryTable;
    type Config = DynamoDirectory;
    type Telemetry = Console;
    type Clock = SystemMoment;

    fn store(&self) -> &DeliveryTable {
        &self.store
    }

    fn config(&self) -> &DynamoDirectory {
        &self.config
    }

    fn telemetry(&self) -> &Console {
        &Console
    }

    fn clock(&self) -> &SystemMoment {
        &SystemMoment
    }
}
