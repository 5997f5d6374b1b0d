//! The sweeper.

use super::fixtures::*;
use super::*;
use crate::flow::{SWEEP_SHARDS, Sweeper};
use crate::ports::{DeadLetterFilter, RedriveJobStatus, Tally};

impl RunningRedriveJobs for FakePorts {
    async fn running_jobs(&self) -> Result<Vec<RedriveJob>, Fault> {
        let unanswered = || Fault::transient(Stage::DeadLetter, "no answer");
        self.running.clone().ok_or_else(unanswered)
    }

    async fn record_continuation(&self, job: &RedriveJob, at: Time) -> Result<(), Fault> {
        self.write(Call::Noted(job.id, at));
        Ok(())
    }
}

fn overdue(task: DeliveryTask) -> Overdue {
    Overdue {
        due: Due::DeliveryTask(task),
        since: NOW,
    }
}

/// Sweeps for `seconds`, with one second per query. The first shard has three pages, the next and
/// the last one each.
fn sweep(seconds: u32) -> (u32, Vec<Call>) {
    let pages = |shard: u8, pages: u32| {
        let found = |page| vec![overdue(task(&fresh(), TaskKind::Scheduled(page))); 2];
        (shard, (0..pages).map(found).collect::<Vec<_>>())
    };
    let mut desk = dispatcher("standard").deps;
    desk.takes = Duration::from_secs(1);
    desk.overdue = Mutex::new([pages(0, 3), pages(1, 1), pages(SWEEP_SHARDS - 1, 1)].into());
    let sweeper = Sweeper {
        deps: desk,
        grace: Duration::from_secs(120),
    };
    let deadline = NOW.plus(Duration::from_secs(seconds.into()));
    let (swept, result) = sweeper.sweep(deadline).now_or_never().unwrap();
    result.unwrap();
    (swept.revived(), told(&sweeper.deps))
}

#[test]
fn every_shard_is_swept_until_it_is_empty_and_none_before_all_others_had_a_turn() {
    let (_, calls) = sweep(3600);
    let before = Time::from_millis(NOW.millis() - 120_000);
    let looked: Vec<u8> = calls
        .iter()
        .filter_map(|call| match call {
            Call::Overdue(shard, at) if *at == before => Some(*shard),
            _ => None,
        })
        .collect();
    // The random number of these tests begins with the first.
    let expected: Vec<u8> = (0..SWEEP_SHARDS)
        .chain([0, 1, SWEEP_SHARDS - 1, 0, 0])
        .collect();
    assert_eq!(looked, expected);
}

#[test]
fn an_overdue_delivery_is_scheduled_at_once_and_none_after_the_deadline() {
    let round = u32::from(SWEEP_SHARDS);
    for (seconds, expected) in [
        (3600, 10),
        (round + 2, 8),
        (round + 1, 6),
        (round, 4),
        (3, 4),
        (2, 2),
        (1, 0),
    ] {
        let (revived, calls) = sweep(seconds);
        assert_eq!(revived, expected, "{seconds} {calls:?}");
        let carried = |call: &&Call| matches!(call, Call::ScheduleTask(sent, Duration::ZERO) if sent.delivery_id == fresh().id);
        let rests = |call: &&Call| {
            matches!(call, Call::Postpone(task, until)
                if task.delivery_id == fresh().id && until.since(NOW) >= Duration::from_secs(600))
        };
        let counts = [
            calls.iter().filter(carried).count(),
            calls.iter().filter(rests).count(),
        ];
        assert_eq!(counts, [revived as usize; 2], "{seconds} {calls:?}");
        let looks = calls
            .iter()
            .filter(|call| matches!(call, Call::Overdue(..)))
            .count();
        let all = round + 5;
        assert_eq!(looks, all.min(seconds) as usize, "{seconds} {calls:?}");
    }
}

/// A running job whose next step was due `seconds` ago.
fn job(id: i64, seconds: i64) -> RedriveJob {
    RedriveJob {
        id: Ulid::floor(Time::from_millis(id)),
        tenant: "t".parse().unwrap(),
        filter: DeadLetterFilter::default(),
        rate: 50,
        status: RedriveJobStatus::Running,
        total: 1,
        tally: Tally::default(),
        cursor: None,
        turn: 3,
        next_at: Time::from_millis(NOW.millis() - seconds * 1000),
        ended_at: None,
    }
}

fn sweep_jobs(running: Option<Vec<RedriveJob>>) -> (Result<u32, Fault>, Vec<Call>) {
    let mut desk = dispatcher("standard").deps;
    desk.running = running;
    desk.overdue = Mutex::new(
        [(
            0,
            vec![vec![overdue(task(&fresh(), TaskKind::Scheduled(0)))]],
        )]
        .into(),
    );
    let sweeper = Sweeper {
        deps: desk,
        grace: Duration::from_secs(120),
    };
    let deadline = NOW.plus(Duration::from_secs(60));
    let (swept, result) = sweeper.sweep(deadline).now_or_never().unwrap();
    (result.map(|()| swept.revived()), told(&sweeper.deps))
}

#[test]
fn a_stalled_job_is_continued_in_its_turn_and_then_left_alone() {
    let still = job(1, 121);
    let moving = [job(2, 119), job(3, -60)];
    let (revived, calls) = sweep_jobs(Some([&[still.clone()][..], &moving].concat()));
    assert_eq!(revived.unwrap(), 2, "it, and a delivery");
    let of_jobs: Vec<_> = calls
        .iter()
        .filter(|call| matches!(call, Call::StartJob(..) | Call::Noted(..)))
        .collect();
    assert!(
        matches!(of_jobs[..], [Call::StartJob(sent, Duration::ZERO), Call::Noted(id, at)]
            if *sent == still.message() && sent.turn == 3 && *id == still.id && *at == NOW),
        "{of_jobs:?}"
    );
}

#[test]
fn where_the_jobs_cannot_be_read_the_deliveries_are_swept_all_the_same() {
    let (revived, calls) = sweep_jobs(None);
    assert!(revived.is_err());
    assert!(
        calls
            .iter()
            .any(|call| matches!(call, Call::ScheduleTask(..)))
    );
}
