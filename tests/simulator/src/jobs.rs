//! Redrive jobs in memory.

use std::collections::BTreeMap;

use domain::ports::{Job, JobStatus};
use domain::ulid::Ulid;

#[derive(Default)]
pub(crate) struct Jobs {
    pub(crate) jobs: BTreeMap<Ulid, Job>,
}

impl Jobs {
    /// Moves a running job on from where `seen` stood.
    pub(crate) fn advance(
        &mut self,
        seen: &Job,
        next: Option<&str>,
        done: u64,
        failed: u64,
    ) -> bool {
        let Some(job) = self.jobs.get_mut(&seen.id) else {
            return false;
        };
        if job.status == JobStatus::Running && job.cursor == seen.cursor {
            job.done += done;
            job.failed += failed;
            match next {
                Some(next) => job.cursor = Some(next.to_owned()),
                None => (job.status, job.cursor) = (JobStatus::Completed, Some("end".to_owned())),
            }
            return true;
        }
        // Our own write, whose answer was lost.
        job.done == seen.done + done && job.cursor.as_deref() == Some(next.unwrap_or("end"))
    }
}
