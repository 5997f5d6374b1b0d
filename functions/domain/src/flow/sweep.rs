//! Finding what is due and what nothing carries: a lost schedule, a message deleted by mistake, a crash between record and queue.
//!
//! Sending a delivery's errand twice is harmless: the claim lets one of them through. So is calling a job twice: both messages are of one turn.

use std::time::Duration;

use crate::ports::{Carrier, Due, Erasure, Fault, JobCalls, Moment, Overdue, RunningJobs};
use crate::time::Time;

/// The index of due deliveries is spread over this many partitions, each good for 1,000 writes a second.
pub const SWEEP_SHARDS: u8 = 8;

/// How many errands are read at once.
const PAGE: u32 = 100;

/// After a revival, the next look at the same delivery: longer than a message waits in a healthy queue.
const NEXT_LOOK: Duration = Duration::from_secs(600);

/// Everything sweeping needs of the world.
pub trait SweeperPorts:
    Overdue + Erasure + Carrier + RunningJobs + JobCalls + Moment + Sync
{
}
impl<T: Overdue + Erasure + Carrier + RunningJobs + JobCalls + Moment + Sync> SweeperPorts for T {}

/// Revives what nothing carries.
pub struct Sweeper<P> {
    /// The world.
    pub ports: P,
    /// How long after its due time a delivery, or a job's next step, counts as carried by nothing. Longer than the scheduler's minute and an attempt's lease.
    pub grace: Duration,
}

impl<P: SweeperPorts> Sweeper<P> {
    /// Sweeps until nothing is overdue or the deadline comes; the next sweep goes on where this one stopped. Answers how many were revived. Jobs come
    /// first: they are few. A fault of theirs does not keep the deliveries.
    ///
    /// # Errors
    /// The first fault; what was revived stays revived.
    pub async fn sweep(&self, deadline: Time) -> Result<u32, Fault> {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(0);
        let before = Time::from_millis(self.ports.now().millis().saturating_sub(grace));
        let jobs = self.jobs(before, deadline).await;
        let deliveries = self.deliveries(before, deadline).await;
        Ok(jobs?.saturating_add(deliveries?))
    }

    async fn jobs(&self, before: Time, deadline: Time) -> Result<u32, Fault> {
        let mut revived = 0u32;
        for job in self.ports.running_jobs().await? {
            if self.ports.now() >= deadline {
                break;
            }
            if job.next_at < before {
                self.ports.call(&job.errand(), Duration::ZERO).await?;
                self.ports.note_call(&job, self.ports.now()).await?;
                revived = revived.saturating_add(1);
            }
        }
        Ok(revived)
    }

    /// What fails keeps nothing else waiting: neither its shard nor those behind it. The first fault is answered when all was seen to.
    async fn deliveries(&self, before: Time, deadline: Time) -> Result<u32, Fault> {
        let mut revived = 0u32;
        let mut first: Result<(), Fault> = Ok(());
        for shard in 0..SWEEP_SHARDS {
            let mut seen: Vec<Due> = Vec::new();
            loop {
                let found = match self.ports.overdue(shard, before, PAGE).await {
                    Ok(found) => found,
                    Err(fault) => {
                        first = first.and(Err(fault));
                        break;
                    }
                };
                if self.ports.now() >= deadline {
                    return first.map(|()| revived);
                }
                // What is due still, though it was seen to, is so for another reason than time: the next sweep looks again.
                let new: Vec<&Due> = found.iter().filter(|due| !seen.contains(due)).collect();
                if new.is_empty() {
                    break;
                }
                for due in new {
                    match self.see_to(due).await {
                        Ok(number) => revived = revived.saturating_add(number),
                        Err(fault) => first = first.and(Err(fault)),
                    }
                }
                seen = found;
            }
        }
        first.map(|()| revived)
    }

    /// Answers how many deliveries were revived.
    async fn see_to(&self, due: &Due) -> Result<u32, Fault> {
        match due {
            Due::Errand(errand) => {
                self.ports.carry(errand, Duration::ZERO).await?;
                let next = self.ports.now().plus(NEXT_LOOK);
                self.ports.postpone(errand, next).await?;
                Ok(1)
            }
            Due::Erasure(tenant, event) => {
                let now = self.ports.now();
                let waiting = self.ports.erase(tenant, *event, now, None).await?;
                for errand in waiting.iter().flatten() {
                    self.ports.carry(errand, Duration::ZERO).await?;
                }
                Ok(0)
            }
        }
    }
}

#[cfg(test)]
mod tests;
