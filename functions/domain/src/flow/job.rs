//! Working off a redrive of many, step by step, each step small enough that a cancel is seen within seconds.
//!
//! Everything is conditional: a dead letter is put back once, whoever tries; the job moves on from a cursor only if it still stands there. So a step may
//! be run twice, by two functions at once or after a death, and counts once.

use std::time::Duration;

use futures::future::join_all;

use crate::ports::{
    Carrier, Errand, Fault, Job, JobErrand, JobStatus, Jobs, Moment, PutBack, Task,
};
use crate::time::Time;

/// How many are put back at once, and in the first step.
const AT_ONCE: usize = 10;
/// The most of one step; also bounded by two seconds' worth of the job's rate.
const LARGEST_STEP: usize = 100;
/// How long the work of a step may take: what takes longer is followed by a smaller one, what takes half of it by a larger one. A step that outlasted
/// its invocation would be cut off again and again.
const STEP_TIME: Duration = Duration::from_secs(2);

/// Everything a job needs of the world.
pub trait ForemanPorts: Jobs + Carrier + Moment + Sync {}
impl<T: Jobs + Carrier + Moment + Sync> ForemanPorts for T {}

/// Runs jobs.
pub struct Foreman<P> {
    /// The world.
    pub ports: P,
}

impl<P: ForemanPorts> Foreman<P> {
    /// Works on a job until `deadline`, then sends for the next run; or until it is done, cancelled or in another's hands. `receives` is how often this
    /// message was received.
    ///
    /// # Errors
    /// A fault: the message comes back, and the job goes on from its cursor.
    pub async fn work(
        &self,
        errand: &JobErrand,
        receives: u32,
        deadline: Time,
    ) -> Result<(), Fault> {
        if receives > 1 {
            // The function died of this message, and its deaths are counted: at the last, the message would leave the queue and the job stand for ever.
            // A fresh message counts anew. A job that nobody can run is tried again each time its message comes back, until it is cancelled.
            // One that is over is not: a lost answer makes two messages of one, and in bad weather they would go on multiplying without it.
            // Test: regressions.rs, the messages of a job that is over.
            let job = self.ports.job(&errand.tenant_id, errand.job_id).await;
            return match job.map(running) {
                Ok(None) => Ok(()),
                Ok(Some(_)) | Err(_) => self.ports.call_again(errand).await,
            };
        }
        let mut size = AT_ONCE;
        loop {
            let began = self.ports.now();
            if began >= deadline {
                return self.ports.call_again(errand).await;
            }
            let job = self.ports.job(&errand.tenant_id, errand.job_id).await?;
            let Some(job) = running(job) else {
                return Ok(());
            };
            let Some(took) = self.step(&job, size, began).await? else {
                return Ok(());
            };
            size = after(size, took);
        }
    }

    /// One step, no faster than the job's rate from `began` on. Answers how long its work took; none if the job is over for this run.
    async fn step(&self, job: &Job, size: usize, began: Time) -> Result<Option<Duration>, Fault> {
        let limit = usize::try_from(job.rate)
            .unwrap_or(LARGEST_STEP)
            .saturating_mul(2)
            .clamp(1, size);
        let step = self.ports.step(job, limit).await?;
        let (mut done, mut failed) = (0u64, 0u64);
        for some in step.letters.chunks(AT_ONCE) {
            for result in join_all(
                some.iter()
                    .map(|(dead, before)| self.one(job, dead, *before)),
            )
            .await
            {
                if result? {
                    done = done.saturating_add(1);
                } else {
                    failed = failed.saturating_add(1);
                }
            }
        }
        let is_last = step.next.is_none();
        if !self
            .ports
            .advance(job, step.next.as_deref(), done, failed)
            .await?
        {
            return Ok(None);
        }
        let took = self.ports.now().since(began);
        let due = Duration::from_secs(1).mul_f64(done as f64 / f64::from(job.rate.max(1)));
        self.ports.pause(due.saturating_sub(took)).await;
        Ok((!is_last).then_some(took))
    }

    async fn one(
        &self,
        job: &Job,
        dead: &crate::dead_letter::DeadLetter,
        before: bool,
    ) -> Result<bool, Fault> {
        let outcome = if before {
            PutBack::Before
        } else {
            self.ports.put_back(job, dead, self.ports.now()).await?
        };
        match outcome {
            PutBack::Now(delivery) => {
                let errand = Errand {
                    tenant_id: delivery.tenant.clone(),
                    delivery_id: delivery.id.clone(),
                    task: Task::Ticket(delivery.ticket),
                };
                self.ports.carry(&errand, Duration::ZERO).await?;
                Ok(true)
            }
            // If we died before its message was sent, the sweeper finds it due.
            PutBack::Before => Ok(true),
            PutBack::Elsewhere => Ok(false),
        }
    }
}

fn running(job: Option<Job>) -> Option<Job> {
    job.filter(|job| job.status == JobStatus::Running)
}

/// The next step's size.
fn after(size: usize, took: Duration) -> usize {
    if took > STEP_TIME {
        (size / 2).max(1)
    } else if took.saturating_mul(2) <= STEP_TIME {
        size.saturating_mul(2).min(LARGEST_STEP)
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::FutureExt;

    use super::*;
    use crate::dead_letter::{Body, DeadLetter, Reason};
    use crate::ids::{DeadLetterId, TenantId};
    use crate::ports::{DeadLetterFilter, Step};
    use crate::ulid::Ulid;

    /// A cloud in which `each` milliseconds pass whenever one is put back.
    struct Cloud {
        each: i64,
        rate: u32,
        status: JobStatus,
        seen: Mutex<Seen>,
    }

    #[derive(Default)]
    struct Seen {
        now: i64,
        left: usize,
        steps: Vec<usize>,
        calls: u32,
    }

    fn cloud(each: i64, left: usize, rate: u32) -> Foreman<Cloud> {
        let seen = Seen {
            left,
            ..Seen::default()
        };
        Foreman {
            ports: Cloud {
                each,
                rate,
                status: JobStatus::Running,
                seen: Mutex::new(seen),
            },
        }
    }

    impl Moment for Cloud {
        fn now(&self) -> Time {
            Time::from_millis(self.seen.lock().unwrap().now)
        }

        async fn pause(&self, length: Duration) {
            self.seen.lock().unwrap().now += i64::try_from(length.as_millis()).unwrap();
        }

        fn fraction(&self) -> f64 {
            0.5
        }

        fn entropy(&self) -> [u8; 16] {
            [0; 16]
        }
    }

    impl Carrier for Cloud {
        async fn carry(&self, _: &Errand, _: Duration) -> Result<(), Fault> {
            Ok(())
        }
    }

    impl Jobs for Cloud {
        async fn job(&self, tenant: &TenantId, id: Ulid) -> Result<Option<Job>, Fault> {
            Ok(Some(Job {
                id,
                tenant: tenant.clone(),
                filter: DeadLetterFilter::default(),
                rate: self.rate,
                status: self.status,
                total: 0,
                done: 0,
                failed: 0,
                cursor: None,
            }))
        }

        async fn step(&self, _: &Job, limit: usize) -> Result<Step, Fault> {
            let mut seen = self.seen.lock().unwrap();
            let taken = limit.min(seen.left);
            seen.left -= taken;
            seen.steps.push(taken);
            let letter = DeadLetter {
                id: DeadLetterId(Ulid::floor(Time::from_millis(1))),
                tenant: None,
                at: Time::from_millis(1),
                reason: Reason::Exhausted,
                detail: String::new(),
                body: Body::Message {
                    text: String::new(),
                    sender: String::new(),
                    message_id: String::new(),
                },
            };
            let next = (seen.left > 0).then(String::new);
            let letters = vec![(letter, false); taken];
            Ok(Step { letters, next })
        }

        async fn put_back(&self, _: &Job, _: &DeadLetter, _: Time) -> Result<PutBack, Fault> {
            self.seen.lock().unwrap().now += self.each;
            Ok(PutBack::Before)
        }

        async fn advance(&self, _: &Job, _: Option<&str>, _: u64, _: u64) -> Result<bool, Fault> {
            Ok(true)
        }

        async fn call_again(&self, _: &JobErrand) -> Result<(), Fault> {
            self.seen.lock().unwrap().calls += 1;
            Ok(())
        }
    }

    fn work(foreman: &Foreman<Cloud>, receives: u32, deadline: i64) {
        let errand = JobErrand {
            tenant_id: "t".parse().unwrap(),
            job_id: Ulid::floor(Time::from_millis(1)),
        };
        let deadline = Time::from_millis(deadline);
        let worked = foreman.work(&errand, receives, deadline).now_or_never();
        worked.expect("nothing here is waited for").unwrap();
    }

    #[test]
    fn a_slow_cloud_makes_the_steps_small_so_that_none_outlasts_the_invocation() {
        let slow = cloud(300, 5_000, 500);
        work(&slow, 1, 12_000);
        let seen = slow.ports.seen.lock().unwrap();
        assert!(seen.steps.iter().all(|n| *n <= AT_ONCE), "{:?}", seen.steps);
        // Ten of 300 ms are too many, five are not.
        assert!(seen.now <= 12_000 + 3_000, "ended at {} ms", seen.now);
        assert_eq!(seen.calls, 1);
    }

    #[test]
    fn a_fast_cloud_makes_the_steps_large_and_the_rate_holds_all_the_same() {
        let fast = cloud(1, 5_000, 100);
        work(&fast, 1, 30_000);
        let seen = fast.ports.seen.lock().unwrap();
        assert_eq!(seen.steps.iter().max(), Some(&LARGEST_STEP));
        let put_back = 5_000 - seen.left;
        let rate = put_back as f64 / (seen.now as f64 / 1000.0);
        assert!((80.0..=100.0).contains(&rate), "{rate} a second");
    }

    #[test]
    fn a_message_that_came_back_is_replaced_by_a_fresh_one_so_that_its_deaths_do_not_end_the_job() {
        let job = cloud(1, 50, 50);
        work(&job, 2, 12_000);
        let seen = job.ports.seen.lock().unwrap();
        assert_eq!((seen.calls, seen.steps.len()), (1, 0));
    }

    #[test]
    fn a_message_of_a_job_that_is_over_is_not_replaced_when_it_comes_back() {
        for status in [JobStatus::Completed, JobStatus::Cancelled] {
            let mut job = cloud(1, 50, 50);
            job.ports.status = status;
            work(&job, 2, 12_000);
            assert_eq!(job.ports.seen.lock().unwrap().calls, 0);
        }
    }

    #[test]
    fn a_step_that_took_too_long_is_halved_and_one_that_took_half_is_doubled() {
        let more = Duration::from_millis(1);
        for (size, took, next) in [
            (10, STEP_TIME + more, 5),
            (10, STEP_TIME * 3, 5),
            (1, STEP_TIME * 3, 1),
            (10, STEP_TIME, 10),
            (10, STEP_TIME / 2 + more, 10),
            (10, STEP_TIME / 2, 20),
            (LARGEST_STEP, Duration::ZERO, LARGEST_STEP),
        ] {
            assert_eq!(after(size, took), next, "{size} in {took:?}");
        }
    }
}
