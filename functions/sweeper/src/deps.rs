//! The systems that the sweeper calls.

use adapters::clock::SystemClock;
use adapters::dead_letters::DeadLetterTable;
use adapters::delivery_store::DeliveryTable;
use adapters::task_queue::{ImmediateTaskQueue, Queue};
use domain::flow::SweeperDeps;

/// The tables that the sweeper reads and the queues that it sends to.
pub(crate) struct Deps {
    pub(crate) due: DeliveryTable,
    pub(crate) tasks: ImmediateTaskQueue,
    pub(crate) jobs: DeadLetterTable,
    pub(crate) job_queue: Queue,
}

impl SweeperDeps for Deps {
    type Due = DeliveryTable;
    type Tasks = ImmediateTaskQueue;
    type Jobs = DeadLetterTable;
    type RedriveJobQueue = Queue;
    type Clock = SystemClock;

    fn due(&self) -> &DeliveryTable {
        &self.due
    }

    fn tasks(&self) -> &ImmediateTaskQueue {
        &self.tasks
    }

    fn jobs(&self) -> &DeadLetterTable {
        &self.jobs
    }

    fn job_queue(&self) -> &Queue {
        &self.job_queue
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }
}
