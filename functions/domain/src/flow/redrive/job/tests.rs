//! A runner over a fake cloud whose clock the tests control.

use std::sync::Mutex;

use futures::FutureExt;

use super::*;
use crate::dead_letter::{Body, Reason};
use crate::ids::{DeadLetterId, TenantId};
use crate::ports::{DeadLetterFilter, DeliveryTask, RedrivePage};
use crate::ulid::Ulid;

/// A fake cloud whose clock advances by `each` milliseconds for every redriven letter.
struct Cloud {
    each: i64,
    becomes: RedriveOutcome,
    seen: Mutex<Seen>,
}

struct Seen {
    now: i64,
    left: usize,
    job: RedriveJob,
    steps: Vec<usize>,
    calls: Vec<(RedriveJobMessage, Duration)>,
    /// Another writer changes the job before each write of the runner.
    is_raced: bool,
    /// How many of each page this job has redriven before.
    redriven: usize,
}

fn cloud(each: i64, left: usize, rate: u32) -> RedriveRunner<Cloud> {
    let job = RedriveJob {
        id: Ulid::floor(Time::from_millis(1)),
        tenant: "t".parse().unwrap(),
        filter: DeadLetterFilter::default(),
        rate,
        status: RedriveJobStatus::Running,
        total: left as u64,
        tally: Tally::default(),
        cursor: None,
        turn: 0,
        next_at: Time::from_millis(0),
        ended_at: None,
    };
    RedriveRunner {
        deps: Cloud {
            each,
            becomes: RedriveOutcome::AlreadyByThisJob,
            seen: Mutex::new(Seen {
                now: 0,
                left,
                job,
                steps: Vec::new(),
                calls: Vec::new(),
                is_raced: false,
                redriven: 0,
            }),
        },
    }
}

one_for_all! {
    Cloud:
    RedriveRunnerDeps { Jobs jobs, Redrive redrive, Tasks tasks, RedriveJobQueue job_queue, Clock clock }
}

impl Clock for Cloud {
    fn now(&self) -> Time {
        Time::from_millis(self.seen.lock().unwrap().now)
    }

    async fn sleep(&self, _: Duration) {
        panic!("no job waits in a function");
    }

    fn random_unit(&self) -> f64 {
        0.5
    }

    fn random_bytes(&self) -> [u8; 16] {
        [0; 16]
    }
}

impl TaskQueue for Cloud {
    async fn schedule(&self, _: &DeliveryTask, _: Duration) -> Result<(), Fault> {
        Ok(())
    }
}

impl RedriveJobQueue for Cloud {
    async fn enqueue_continuation(
        &self,
        message: &RedriveJobMessage,
        delay: Duration,
    ) -> Result<(), Fault> {
        self.seen
            .lock()
            .unwrap()
            .calls
            .push((message.clone(), delay));
        Ok(())
    }
}

impl RedriveJobStore for Cloud {
    async fn job(&self, _: &TenantId, _: Ulid) -> Result<Option<RedriveJob>, Fault> {
        Ok(Some(self.seen.lock().unwrap().job.clone()))
    }

    async fn page(&self, _: &RedriveJob, limit: usize) -> Result<RedrivePage, Fault> {
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
                text: Some(String::new()),
                sender: String::new(),
                message_id: String::new(),
            },
        };
        let next = (seen.left > 0).then(|| seen.left.to_string());
        let letters = (0..taken).map(|n| (letter.clone(), n < seen.redriven));
        Ok(RedrivePage {
            dead_letters: letters.collect(),
            next,
        })
    }

    async fn save(&self, before: &RedriveJob, after: &RedriveJob, _: &str) -> Result<bool, Fault> {
        let mut seen = self.seen.lock().unwrap();
        if seen.is_raced || seen.job != *before {
            return Ok(false);
        }
        seen.job = after.clone();
        Ok(true)
    }
}

impl Redrive for Cloud {
    async fn redrive_for_job(
        &self,
        _: &RedriveJob,
        _: &DeadLetter,
        _: Time,
    ) -> Result<RedriveOutcome, Fault> {
        self.seen.lock().unwrap().now += self.each;
        Ok(self.becomes.clone())
    }
}

/// Processes one message of a turn that was received `receives` times.
fn work(runner: &RedriveRunner<Cloud>, turn: u32, receives: u32) {
    let message = RedriveJobMessage {
        turn,
        ..runner.deps.seen.lock().unwrap().job.message()
    };
    let deadline = runner.deps.now().plus(Duration::from_secs(60));
    let worked = runner.run(&message, receives, deadline).now_or_never();
    worked.expect("no call here waits").unwrap();
}

/// Processes the job's own messages until the job ends, each after its delay in whole seconds plus
/// a tenth of a second in transit.
fn work_to_the_end(runner: &RedriveRunner<Cloud>) {
    work(runner, 0, 1);
    for _ in 0..10_000 {
        let Some((message, delay)) = runner.deps.seen.lock().unwrap().calls.pop() else {
            return;
        };
        let seconds = i64::try_from(delay.as_millis().div_ceil(1000)).unwrap();
        runner.deps.seen.lock().unwrap().now += seconds * 1000 + 100;
        work(runner, message.turn, 1);
    }
    panic!("it never ends");
}

#[test]
fn a_slow_cloud_makes_the_steps_small_so_that_none_outlasts_the_invocation() {
    let slow = cloud(300, 5_000, 500);
    work(&slow, 0, 1);
    let seen = slow.deps.seen.lock().unwrap();
    assert!(seen.steps.iter().all(|n| *n <= AT_ONCE), "{:?}", seen.steps);
    // Ten at 300 ms each are too many, five are not.
    assert!(seen.now <= 10_000 + 3_000, "ended at {} ms", seen.now);
    assert_eq!(seen.calls, [(seen.job.message(), Duration::ZERO)]);
}

#[test]
fn what_a_failed_step_redrove_counts_although_the_job_was_cancelled_meanwhile() {
    let cancelled = cloud(1, 12, 500);
    {
        let mut seen = cancelled.deps.seen.lock().unwrap();
        seen.job.status = RedriveJobStatus::Cancelled;
        seen.redriven = 7;
    }
    // A new message finds the job ended; the message that comes back has begun a step.
    work(&cancelled, 0, 1);
    assert_eq!(cancelled.deps.seen.lock().unwrap().steps, [0; 0]);
    work(&cancelled, 0, 2);
    let seen = cancelled.deps.seen.lock().unwrap();
    assert_eq!((seen.job.tally.done, seen.now), (7, 0));
    assert_eq!(seen.calls, []);
}

#[test]
fn a_fast_cloud_makes_the_steps_large() {
    let fast = cloud(1, 50_000, 100_000);
    work(&fast, 0, 1);
    let seen = fast.deps.seen.lock().unwrap();
    assert_eq!(seen.steps.iter().max(), Some(&MAX_PAGE));
    assert!(
        seen.now <= 10_200,
        "it kept the function for {} ms",
        seen.now
    );
}

#[test]
fn every_rate_holds_in_the_long_run_and_no_job_waits_in_a_function() {
    for rate in [1, 3, 20, 50, 100, 500] {
        let job = cloud(1, 100 * rate as usize, rate);
        work_to_the_end(&job);
        let seen = job.deps.seen.lock().unwrap();
        assert_eq!(seen.job.status, RedriveJobStatus::Completed);
        assert_eq!(seen.job.tally.done, 100 * u64::from(rate));
        // A hundred seconds' worth; at the start a job may be ahead by a step of two seconds' worth
        // plus one second.
        assert!(
            (95_000..=112_000).contains(&seen.now),
            "{rate} a second: {} ms",
            seen.now
        );
    }
}

#[test]
fn a_job_that_stood_still_catches_up_on_two_seconds_and_no_more() {
    let job = cloud(1, 5_000, 20);
    job.deps.seen.lock().unwrap().now = 3_600_000;
    work(&job, 0, 1);
    let seen = job.deps.seen.lock().unwrap();
    let put_back = 5_000 - seen.left;
    assert!(put_back <= 20 * 5, "{put_back} at once");
}

#[test]
fn a_message_that_comes_before_its_time_waits_in_the_queue() {
    let job = cloud(1, 50, 50);
    job.deps.seen.lock().unwrap().job.next_at = Time::from_millis(1_500);
    work(&job, 0, 1);
    let seen = job.deps.seen.lock().unwrap();
    assert_eq!(
        seen.calls,
        [(seen.job.message(), Duration::from_millis(1_500))]
    );
    assert_eq!((seen.job.turn, seen.steps.len()), (0, 0));
}

#[test]
fn a_redelivered_message_is_replaced_so_that_its_death_does_not_end_the_job() {
    let job = cloud(1, 50, 50);
    work(&job, 0, 2);
    let seen = job.deps.seen.lock().unwrap();
    assert_eq!((seen.job.turn, seen.steps.len()), (1, 0));
    assert_eq!(seen.calls, [(seen.job.message(), Duration::ZERO)]);
}

#[test]
fn a_message_counts_in_its_own_turn_only() {
    for receives in [1, 2] {
        let job = cloud(1, 50, 50);
        job.deps.seen.lock().unwrap().job.turn = 7;
        for turn in [0, 6, 8] {
            work(&job, turn, receives);
        }
        let seen = job.deps.seen.lock().unwrap();
        assert_eq!((seen.calls.len(), seen.steps.len()), (0, 0));
    }
}

#[test]
fn whoever_lost_the_race_for_a_job_sends_nothing() {
    for receives in [1, 2] {
        let job = cloud(1, 50, 1);
        job.deps.seen.lock().unwrap().is_raced = true;
        work(&job, 0, receives);
        assert_eq!(job.deps.seen.lock().unwrap().calls, []);
    }
}

#[test]
fn a_message_of_a_job_that_is_over_is_not_replaced_when_it_comes_back() {
    for status in [RedriveJobStatus::Completed, RedriveJobStatus::Cancelled] {
        let job = cloud(1, 50, 50);
        job.deps.seen.lock().unwrap().job.status = status;
        work(&job, 0, 2);
        assert_eq!(job.deps.seen.lock().unwrap().calls, []);
    }
}

#[test]
fn each_dead_letter_is_counted_as_what_became_of_it() {
    let tally = |done, failed, skipped| Tally {
        done,
        failed,
        skipped,
    };
    for (becomes, expected) in [
        (RedriveOutcome::AlreadyByThisJob, tally(7, 0, 0)),
        (RedriveOutcome::Impossible, tally(0, 7, 0)),
        (RedriveOutcome::AlreadyByAnother, tally(0, 0, 7)),
    ] {
        let mut job = cloud(1, 7, 50);
        job.deps.becomes = becomes;
        work(&job, 0, 1);
        assert_eq!(job.deps.seen.lock().unwrap().job.tally, expected);
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
        (MAX_PAGE, Duration::ZERO, MAX_PAGE),
    ] {
        assert_eq!(next_size(size, took), next, "{size} in {took:?}");
    }
}
