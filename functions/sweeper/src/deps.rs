//! The systems that the sweeper calls.

use adapters::clock::SystemMoment;
use adapters::dead_letters::DeadLetterTable;
use adapters::log::LogTable;
use adapters::queue::{AtOnce, Queue};
use domain::flow::SweeperDeps;

/// The tables that the sweeper looks into and the queues that it sends to.
pub(crate) struct Deps {
    pub(crate) due: LogTable,
    pub(crate) tasks: AtOnce,
    pub(crate) jobs: DeadLetterTable,
    pub(crate) job_queue: Queue,
}

impl SweeperDeps for Deps {
    type Due = LogTable;
    type Tasks = AtOnce;
    type Jobs = DeadLetterTable;
    type JobQueue = Queue;
    type Clock = SystemMoment;

    fn due(&self) -> &LogTable {
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
