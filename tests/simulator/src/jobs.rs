//! Redrive jobs in memory.

use std::collections::BTreeMap;

use domain::ports::{RedriveJob, RedriveJobStatus};
use domain::time::Time;
use domain::ulid::Ulid;

#[derive(Default)]
pub(crate) struct Jobs {
    pub(crate) jobs: BTreeMap<Ulid, RedriveJob>,
    writers: BTreeMap<Ulid, String>,
}

impl Jobs {
    /// Writes a running job if it is unchanged since `before`.
    pub(crate) fn save(&mut self, before: &RedriveJob, after: &RedriveJob, writer: &str) -> bool {
        let Some(job) = self.jobs.get_mut(&before.id) else {
            return false;
        };
        if job.status == RedriveJobStatus::Running
            && (job.turn, &job.cursor) == (before.turn, &before.cursor)
        {
            *job = after.clone();
            self.writers.insert(before.id, writer.to_owned());
            return true;
        }
        // Our own write, whose response was lost.
        self.writers.get(&before.id).is_some_and(|by| by == writer)
            && (job.turn, &job.cursor) == (after.turn, &after.cursor)
    }

    pub(crate) fn running(&self) -> Vec<RedriveJob> {
        let is_running = |job: &&RedriveJob| job.status == RedriveJobStatus::Running;
        self.jobs.values().filter(is_running).cloned().collect()
    }

    /// The sweeper has sent a message for it.
    pub(crate) fn record_continuation(&mut self, seen: &RedriveJob, at: Time) {
        if let Some(job) = self.jobs.get_mut(&seen.id)
            && job.status == RedriveJobStatus::Running
            && (job.turn, job.next_at) == (seen.turn, seen.next_at)
        {
            job.next_at = at;
        }
    }
}
