//! The systems that the consumer calls.

use adapters::clock::SystemClock;
use adapters::config::ConfigCache;
use adapters::delivery_store::DeliveryTable;
use adapters::telemetry::LogTelemetry;
use domain::flow::DlqConsumerDeps;

/// The systems that the consumer calls.
pub(crate) struct Deps {
    pub(crate) store: DeliveryTable,
    pub(crate) config: ConfigCache,
    pub(crate) telemetry: LogTelemetry,
}

impl DlqConsumerDeps for Deps {
    type Store = DeliveryTable;
    type Config = ConfigCache;
    type Telemetry = LogTelemetry;
    type Clock = SystemClock;

    fn store(&self) -> &DeliveryTable {
        &self.store
    }

    fn config(&self) -> &ConfigCache {
        &self.config
    }

    fn telemetry(&self) -> &LogTelemetry {
        &self.telemetry
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }
}
