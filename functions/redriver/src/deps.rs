//! The systems that a job calls.

use adapters::clock::SystemClock;
use adapters::dead_letters::DeadLetterTable;
use adapters::task_queue::{ImmediateTaskQueue, Queue};
use domain::flow::RedriveRunnerDeps;

use crate::redrive::JobRedrive;

/// The systems that a job calls.
pub(crate) struct Deps {
    pub(crate) redrive: JobRedrive,
    pub(crate) tasks: ImmediateTaskQueue,
    pub(crate) job_queue: Queue,
}

impl RedriveRunnerDeps for Deps {
    type Jobs = DeadLetterTable;
    type Redrive = JobRedrive;
    type Tasks = ImmediateTaskQueue;
    type RedriveJobQueue = Queue;
    type Clock = SystemClock;

    fn jobs(&self) -> &DeadLetterTable {
        &self.redrive.dead_letters
    }

    fn redrive(&self) -> &JobRedrive {
        &self.redrive
    }

    fn tasks(&self) -> &ImmediateTaskQueue {
        &self.tasks
    }

    fn job_queue(&self) -> &Queue {
        &self.job_queue
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }
}
