//! The systems that the sweeper calls.

use adapters::clock::SystemMoment;
use adapters::dead_letters::DeadLetterTable;
use adapters::delivery_store::DeliveryTable;
use adapters::queue::{AtOnce, Queue};
use domain::flow::SweeperDeps;

/// The tables that the sweeper looks into and the queues that it sends to.
pub(crate) struct Deps {
    pub(crate) due: DeliveryTable,
    pub(crate) tasks: AtOnce,
    pub(crate) jobs: DeadLetterTable,
    pub(crate) job_queue: Queue,
}

impl SweeperDeps for Deps {
    type Due = DeliveryTable;
    type Tasks = AtOnce;
    type Jobs = DeadLetterTable;
    type JobQueue = Queue;
    type Clock = SystemMoment;

    fn due(&self) -> &DeliveryTable {
        &self.due
    }

    fn tasks(&self) -> &AtOnce {
        &self.tasks
    }

    fn jobs(&self) -> &DeadLetterTable {
        &self.jobs
    }

    fn job_queue(&self) -> &Queue {
        &self.job_queue
    }

    fn clock(&self) -> &SystemMoment {
        &SystemMoment
    }
}
