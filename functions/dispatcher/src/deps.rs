//! The systems that the dispatcher calls.

use adapters::clock::SystemClock;
use adapters::config::ConfigCache;
use adapters::delivery_store::DeliveryTable;
use adapters::inbox::InboxSender;
use adapters::kms::KmsCipher;
use adapters::mail::SesMailer;
use adapters::task_queue::TaskScheduler;
use adapters::telemetry::LogTelemetry;
use domain::flow::DispatcherDeps;

/// The systems that the dispatcher calls.
pub(crate) struct Deps {
    pub(crate) store: DeliveryTable,
    pub(crate) config: ConfigCache,
    pub(crate) tasks: TaskScheduler,
    pub(crate) sender: InboxSender,
    pub(crate) cipher: KmsCipher,
    pub(crate) mailer: SesMailer,
    pub(crate) telemetry: LogTelemetry,
}

impl DispatcherDeps for Deps {
    type Store = DeliveryTable;
    type Config = ConfigCache;
    type Tasks = TaskScheduler;
    type Sender = InboxSender;
    type Cipher = KmsCipher;
    type Mailer = SesMailer;
    type Telemetry = LogTelemetry;
    type Clock = SystemClock;

    fn store(&self) -> &DeliveryTable {
        &self.store
    }

    fn config(&self) -> &ConfigCache {
        &self.config
    }

    fn tasks(&self) -> &TaskScheduler {
        &self.tasks
    }

    fn sender(&self) -> &InboxSender {
        &self.sender
    }

    fn cipher(&self) -> &KmsCipher {
        &self.cipher
    }

    fn mailer(&self) -> &SesMailer {
        &self.mailer
    }

    fn telemetry(&self) -> &LogTelemetry {
        &self.telemetry
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }
}
