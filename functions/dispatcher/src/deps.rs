//! The systems that the dispatcher calls.

use adapters::clock::SystemMoment;
use adapters::config::DynamoDirectory;
use adapters::delivery_store::DeliveryTable;
use adapters::egress::HttpSender;
use adapters::mail::SesMailer;
use adapters::queue::Postman;
use adapters::telemetry::Console;
use adapters::vault::KmsVault;
use domain::flow::DispatcherDeps;

/// The systems that the dispatcher calls.
pub(crate) struct Deps {
    pub(crate) store: DeliveryTable,
    pub(crate) config: DynamoDirectory,
    pub(crate) tasks: Postman,
    pub(crate) sender: HttpSender,
    pub(crate) cipher: KmsVault,
    pub(crate) mailer: SesMailer,
}

impl DispatcherDeps for Deps {
    type Store = DeliveryTable;
    type Config = DynamoDirectory;
    type Tasks = Postman;
    type Sender = HttpSender;
    type Cipher = KmsVault;
    type Mailer = SesMailer;
    type Telemetry = Console;
    type Clock = SystemMoment;

    fn store(&self) -> &DeliveryTable {
        &self.store
    }

    fn config(&self) -> &DynamoDirectory {
        &self.config
    }

    fn tasks(&self) -> &Postman {
        &self.tasks
    }

    fn sender(&self) -> &HttpSender {
        &self.sender
    }

    fn cipher(&self) -> &KmsVault {
        &self.cipher
    }

    fn mailer(&self) -> &SesMailer {
        &self.mailer
    }

    fn telemetry(&self) -> &Console {
        &Console
    }

    fn clock(&self) -> &SystemMoment {
        &SystemMoment
    }
}
