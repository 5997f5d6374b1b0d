//! A message of the deliveries queue.

use super::fixtures::*;
use super::*;
use crate::messages::EarlyTask;

#[test]
fn who_meets_a_lease_comes_back_after_it_and_by_the_queue_that_asks_who_is_slow() {
    let mut desk = dispatcher("standard");
    desk.deps.claim = Some(LeaseResult::Held(NOW.plus(Duration::from_secs(40))));
    let calls = work(
        &desk,
        &asked_slowly(&task(&fresh(), TaskKind::Scheduled(0))),
    );
    assert!(
        matches!(&calls[..], [Call::ScheduleTask(_, delay)] if *delay == Duration::from_secs(41)),
        "{calls:?}"
    );
}

/// A task that waits in SQS for longer than SQS delays.
#[test]
fn a_task_that_says_it_is_early_is_sent_on_without_a_lease() {
    let desk = dispatcher("standard");
    let task = task(&fresh(), TaskKind::Scheduled(0));
    let due_in = |millis: i64| {
        let early = EarlyTask {
            task: task.clone(),
            due: Some(NOW.millis() + millis),
        };
        let body = serde_json::to_string(&early).unwrap();
        work(&desk, &message(QueueKind::Deliveries, body, 1))
    };
    for millis in [1_001, 900_000, 86_400_000] {
        let calls = due_in(millis);
        let wanted = Duration::from_millis(millis.unsigned_abs());
        assert!(
            matches!(&calls[..], [Call::ScheduleTask(sent, delay)] if *sent == task && *delay == wanted),
            "{calls:?}"
        );
    }
    for millis in [1_000, 0, -1_000] {
        let calls = due_in(millis);
        let is_sent_on = |call: &Call| matches!(call, Call::ScheduleTask(..));
        assert!(!calls.iter().any(is_sent_on), "{calls:?}");
    }
}

#[test]
fn whatever_is_asked_of_a_slow_webhook_is_done_on_the_slow_lane() {
    let mut desk = dispatcher("standard");
    if let Some(snapshot) = &mut desk.deps.snapshot {
        snapshot.subscriptions[0].webhook.slow_since = Some(NOW);
    }
    let mut test = fresh();
    test.is_test = true;
    desk.deps.record = record(Vec::new(), false);
    for (before, kind) in [
        (retrying(NOW), TaskKind::Scheduled(1)),
        (retrying(NOW), TaskKind::Manual("token".to_owned())),
        (test, TaskKind::Scheduled(0)),
    ] {
        let task = task(&before, kind);
        let calls = work(&desk, &asked(&task, 1));
        assert!(
            matches!(&calls[..], [Call::SendSlow(moved)] if *moved == task),
            "{calls:?}"
        );
        desk.deps.claim = Some(LeaseResult::Acquired(Box::new(before)));
        let calls = work(&desk, &asked_slowly(&task));
        assert!(matches!(&calls[..], [Call::Post(_), ..]), "{calls:?}");
    }
}

#[test]
fn a_webhook_gets_no_retry_that_waited_for_a_deleted_one_with_its_id() {
    let minutes = |count: u64| NOW.plus(Duration::from_secs(60 * count));
    let waits = retrying(NOW);
    let redriven = waits
        .clone()
        .abandoned(Reason::WebhookInactive)
        .redriven(NOW);
    let never_tried = fresh().due_at(NOW);
    let token = || TaskKind::Manual("token".to_owned());
    for (before, kind, since, is_sent) in [
        (&waits, TaskKind::Scheduled(1), None, true),
        (&waits, TaskKind::Scheduled(1), Some(NOW), true),
        (&waits, TaskKind::Scheduled(1), Some(minutes(1)), false),
        (&never_tried, TaskKind::Scheduled(0), Some(NOW), true),
        (
            &never_tried,
            TaskKind::Scheduled(0),
            Some(minutes(1)),
            false,
        ),
        (&waits, token(), Some(minutes(1)), true),
        (
            &redriven,
            TaskKind::Scheduled(redriven.sequence),
            Some(minutes(1)),
            true,
        ),
    ] {
        let mut desk = dispatcher("standard");
        desk.deps.record = record(Vec::new(), false);
        if let Some(snapshot) = &mut desk.deps.snapshot {
            snapshot.subscriptions[0].webhook.since = since;
        }
        desk.deps.claim = Some(LeaseResult::Acquired(Box::new(before.clone())));
        let calls = work(&desk, &asked(&task(before, kind), 1));
        let posts = calls.iter().filter(|call| matches!(call, Call::Post(_)));
        assert_eq!(posts.count(), usize::from(is_sent), "{since:?} {calls:?}");
    }
}

#[test]
fn a_handled_sequence_is_followed_up_only_when_its_message_is_redelivered() {
    let due = NOW.plus(Duration::from_secs(300));
    let task = task(&fresh(), TaskKind::Scheduled(0));
    for (receives, carries) in [(1, 0), (2, 1)] {
        let mut desk = dispatcher("standard");
        desk.deps.claim = Some(LeaseResult::Superseded(Box::new(retrying(due))));
        let calls = work(&desk, &asked(&task, receives));
        assert_eq!(calls.len(), carries, "{receives} {calls:?}");
    }
    // First attempts that were put off are on the slow lane.
    for (put_off, lies_there) in [(fresh().due_at(NOW), 1), (fresh(), 0)] {
        let mut desk = dispatcher("standard");
        desk.deps.claim = Some(LeaseResult::Superseded(Box::new(put_off)));
        let calls = work(&desk, &asked(&task, 2));
        assert_eq!(calls.len(), lies_there, "{calls:?}");
        assert!(
            calls.iter().all(|call| matches!(call, Call::SendSlow(_))),
            "{calls:?}"
        );
    }
}

#[test]
fn a_message_a_second_early_is_on_time_and_an_earlier_one_is_sent_back_for_the_rest() {
    for (early, posts) in [(1_001, 0), (1_000, 1), (0, 1)] {
        let mut desk = dispatcher("standard");
        desk.deps.record = record(Vec::new(), false);
        let before = retrying(NOW.plus(Duration::from_millis(early)));
        let calls = work_claimed(&mut desk, &before, TaskKind::Scheduled(1));
        let posted = calls.iter().filter(|c| matches!(c, Call::Post(_))).count();
        assert_eq!(posted, posts, "{early} {calls:?}");
        if posts == 0 {
            assert!(
                matches!(&calls[..], [Call::CompleteAttempt(after, None), Call::ScheduleTask(task, delay)]
                    if *after == before && task.kind == TaskKind::Scheduled(1) && *delay == Duration::from_millis(early)),
                "{calls:?}"
            );
        }
        // A manual attempt does not wait for the schedule.
        let calls = work_claimed(&mut desk, &before, TaskKind::Manual("token".to_owned()));
        assert!(matches!(&calls[..], [Call::Post(_), ..]), "{calls:?}");
    }
}

#[test]
fn a_webhook_that_is_off_gets_a_test_and_nothing_else() {
    for (is_there, test, posts) in [
        (true, false, false),
        (true, true, true),
        (false, true, false),
        (false, false, false),
    ] {
        let mut desk = dispatcher("standard");
        desk.deps.record = record(Vec::new(), false);
        if let Some(snapshot) = &mut desk.deps.snapshot {
            snapshot.subscriptions[0].webhook.active = false;
            snapshot.subscriptions.truncate(usize::from(is_there));
        }
        let mut before = fresh().due_at(NOW);
        before.is_test = test;
        let calls = work_claimed(&mut desk, &before, TaskKind::Scheduled(0));
        match &calls[..] {
            [
                Call::Post(_),
                Call::AttemptFinished(1, Trigger::Test),
                Call::CompleteAttempt(after, None),
            ] => {
                assert!(posts && after.status == Status::Completed, "{calls:?}");
            }
            [Call::CompleteAttempt(after, dead), rest @ ..] => {
                assert!(!posts, "{calls:?}");
                assert_eq!(after.reason, Some(Reason::WebhookInactive));
                // A test event is never redriven, so it leaves no dead letter.
                assert_eq!(
                    (dead.is_some(), rest.len()),
                    (!test, usize::from(!test)),
                    "{calls:?}"
                );
            }
            _ => panic!("{is_there} {test} {calls:?}"),
        }
    }
}

#[test]
fn what_is_given_up_leaves_a_dead_letter_unless_it_was_at_rest() {
    // The event is gone from the log.
    let mut desk = dispatcher("standard");
    let calls = work_claimed(&mut desk, &retrying(NOW), TaskKind::Scheduled(1));
    assert!(
        matches!(&calls[..], [Call::CompleteAttempt(after, Some(dead)), Call::DeliveryAbandoned]
            if after.status == Status::Failed && after.dead_letter_id == Some(dead.id) && dead.at == NOW
                && dead.reason == Reason::Undeliverable && dead.detail == "The receiver answered 500."),
        "{calls:?}"
    );
    let mut before = failed();
    before.pending_manual_token = Some("token".to_owned());
    let calls = work_claimed(&mut desk, &before, TaskKind::Manual("token".to_owned()));
    assert!(
        matches!(&calls[..], [Call::CompleteAttempt(after, None)] if *after == failed()),
        "{calls:?}"
    );
    // Another writer was first, so that writer reports the end.
    desk.deps.wins = false;
    let calls = work_claimed(&mut desk, &retrying(NOW), TaskKind::Scheduled(1));
    assert!(
        matches!(&calls[..], [Call::CompleteAttempt(..)]),
        "{calls:?}"
    );
}

#[test]
fn a_dead_letter_tells_what_was_last_known() {
    let last_days = |before: Delivery| {
        let mut desk = dispatcher("standard");
        match &work_claimed(&mut desk, &before, TaskKind::Scheduled(before.sequence))[..] {
            [
                Call::CompleteAttempt(after, Some(dead)),
                Call::DeliveryAbandoned,
            ] => (after.clone(), dead.clone()),
            calls => panic!("{calls:?}"),
        }
    };
    let refused = Outcome::failure(FailureKind::Tls, "bad certificate");
    let mut unheard = fresh().after_automatic(attempt(1, refused), Verdict::Retry(Duration::ZERO));
    unheard.attempt_count = 3;
    let (_, dead) = last_days(unheard);
    assert_eq!(dead.detail, "bad certificate");
    assert_eq!(dead.tenant, Some("t".parse().unwrap()));
    let Body::Delivery(died) = dead.body else {
        panic!("{dead:?}");
    };
    assert_eq!(died.last_status, None);
    assert_eq!(died.last_error.as_deref(), Some("tls"));
    assert_eq!((died.attempts, died.id), (3, fresh().id));
    let (_, dead) = last_days(fresh().due_at(NOW));
    assert_eq!(dead.detail, "No attempt was made.");
}

#[test]
fn each_trigger_counts_its_attempt_in_its_own_way() {
    let mut desk = dispatcher("standard");
    desk.deps.record = record(Vec::new(), false);
    desk.deps.answer = answer(500, "");
    // The last attempt of the schedule: nine delays, ten attempts.
    let mut last = retrying(NOW);
    (last.attempts_this_round, last.attempt_count) = (9, 11);
    let calls = work_claimed(&mut desk, &last, TaskKind::Scheduled(1));
    assert!(
        matches!(&calls[..], [Call::Post(_), Call::AttemptFinished(12, Trigger::Automatic), Call::CompleteAttempt(after, Some(dead))]
            if after.attempts_this_round == 10 && after.reason == Some(Reason::Exhausted) && after.dead_letter_id == Some(dead.id)),
        "{calls:?}"
    );
    let mut dead = failed();
    dead.pending_manual_token = Some("token".to_owned());
    let calls = work_claimed(&mut desk, &dead, TaskKind::Manual("token".to_owned()));
    assert!(
        matches!(&calls[..], [Call::Post(_), Call::AttemptFinished(2, Trigger::Manual), Call::CompleteAttempt(after, None)]
            if after.pending_manual_token.is_none() && after.dead_letter_id == failed().dead_letter_id && after.attempts_this_round == 1),
        "{calls:?}"
    );
    let mut test = fresh().due_at(NOW);
    test.is_test = true;
    let calls = work_claimed(&mut desk, &test, TaskKind::Scheduled(0));
    assert!(
        matches!(&calls[..], [Call::Post(_), Call::AttemptFinished(1, Trigger::Test), Call::CompleteAttempt(after, None)]
            if after.status == Status::Failed && after.next_attempt_at.is_none() && after.attempts_this_round == 0),
        "{calls:?}"
    );
    // A caller that lost its lease leaves the follow-up to the new holder.
    desk.deps.wins = false;
    let calls = work_claimed(&mut desk, &retrying(NOW), TaskKind::Scheduled(1));
    assert!(
        matches!(
            &calls[..],
            [
                Call::Post(_),
                Call::AttemptFinished(..),
                Call::CompleteAttempt(..)
            ]
        ),
        "{calls:?}"
    );
}
