//! The systems that the consumer calls.

use adapters::clock::SystemMoment;
use adapters::config::DynamoDirectory;
use adapters::log::LogTable;
use adapters::telemetry::Console;
use domain::flow::DlqConsumerDeps;

/// The systems that the consumer calls.
pub(crate) struct Deps {
    pub(crate) store: LogTable,
    pub(crate) config: DynamoDirectory,
}

impl DlqConsumerDeps for Deps {
    type Store = LogTable;
    type Config = DynamoDirectory;
    type Telemetry = Console;
    type Clock = SystemMoment;

    fn store(&self) -> &LogTable {
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
