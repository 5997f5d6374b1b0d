//! What a verdict means for the webhook and its owner.

use super::fixtures::*;
use super::*;

#[test]
fn a_contracts_end_and_a_410_switch_the_webhook_off_and_mail_once() {
    let exhausted = |desk: &mut Dispatcher<FakePorts>| {
        let mut last = retrying(NOW);
        last.attempts_this_round = 5;
        work_claimed(desk, &last, TaskKind::Scheduled(1))
    };
    let mut desk = dispatcher("kliq");
    desk.deps.record = record(Vec::new(), false);
    desk.deps.answer = answer(500, "");
    let calls = exhausted(&mut desk);
    let [
        _,
        _,
        Call::CompleteAttempt(..),
        Call::SwitchOff(DisableReason::Exhausted, 1),
        Call::SendMail(to, notification),
    ] = &calls[..]
    else {
        panic!("{calls:?}");
    };
    assert_eq!(to, "owner@example.com");
    assert_eq!(
        (notification.kind, notification.attempts),
        (NotificationKind::Disabled, 6)
    );
    assert_eq!(notification.last, "the receiver answered 500");
    // Another call switched it off, and sends the mail.
    desk.deps.did = false;
    let calls = exhausted(&mut desk);
    assert!(
        matches!(&calls[..], [_, _, _, Call::SwitchOff(..)]),
        "{calls:?}"
    );
    // The tenant has no contact.
    desk.deps.did = true;
    if let Some(snapshot) = &mut desk.deps.snapshot {
        snapshot.tenant.contact_email = None;
    }
    let calls = exhausted(&mut desk);
    assert!(
        matches!(&calls[..], [_, _, _, Call::SwitchOff(..)]),
        "{calls:?}"
    );

    let mut desk = dispatcher("standard");
    desk.deps.record = record(Vec::new(), false);
    desk.deps.answer = answer(410, "");
    for kind in [TaskKind::Scheduled(1), TaskKind::Manual("token".to_owned())] {
        let calls = work_claimed(&mut desk, &retrying(NOW), kind);
        // This contract sends no mail.
        assert!(
            matches!(
                &calls[..],
                [
                    _,
                    _,
                    Call::CompleteAttempt(..),
                    Call::SwitchOff(DisableReason::Gone, 1)
                ]
            ),
            "{calls:?}"
        );
    }
    let mut test = fresh().due_at(NOW);
    test.is_test = true;
    let calls = work_claimed(&mut desk, &test, TaskKind::Scheduled(0));
    assert!(
        matches!(&calls[..], [_, _, Call::CompleteAttempt(..)]),
        "{calls:?}"
    );
    // Where the contract only fails the delivery, the webhook stays active.
    desk.deps.answer = answer(500, "");
    let mut last = retrying(NOW);
    last.attempts_this_round = 9;
    let calls = work_claimed(&mut desk, &last, TaskKind::Scheduled(1));
    assert!(
        matches!(&calls[..], [_, _, Call::CompleteAttempt(_, Some(_))]),
        "{calls:?}"
    );
}

#[test]
fn an_outcome_counts_for_the_version_of_its_attempt_even_when_redelivered() {
    let mut desk = dispatcher("standard");
    let mut gone =
        fresh().after_automatic(attempt(1, answer(410, "")), Verdict::Dead(Reason::Gone));
    gone.dead_letter_id = Some(crate::ids::DeadLetterId(Ulid::floor(NOW)));
    // The owner has changed its URL since: the snapshot has a later version.
    if let Some(snapshot) = &mut desk.deps.snapshot {
        snapshot.subscriptions[0].webhook.version = 7;
    }
    let mut stale = |delivery: &Delivery| {
        desk.deps.claim = Some(LeaseResult::Superseded(Box::new(delivery.clone())));
        work(&desk, &asked(&task(delivery, TaskKind::Scheduled(0)), 2))
    };
    let switched = |calls: &[Call]| {
        calls
            .iter()
            .filter_map(|call| match call {
                Call::SwitchOff(_, version) => Some(*version),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(switched(&stale(&gone)), [1]);
    // The latest attempt is now a manual one, of the later version; it did not decide the delivery.
    let manual = Attempt {
        trigger: Trigger::Manual,
        webhook_version: 7,
        ..attempt(2, answer(500, ""))
    };
    let calls = stale(&gone.after_manual(manual, Verdict::Dead(Reason::Refused)));
    assert_eq!(switched(&calls), [0; 0], "{calls:?}");
}

#[test]
fn a_warning_goes_out_after_the_attempt_that_the_contract_names() {
    for (made, did, mails) in [(2, true, 0), (3, true, 1), (3, false, 0), (4, true, 0)] {
        let mut desk = dispatcher("kliq");
        desk.deps.record = record(Vec::new(), false);
        desk.deps.answer = Outcome::failure(FailureKind::Dns, "no such name");
        desk.deps.did = did;
        let mut before = retrying(NOW);
        before.attempts_this_round = made;
        let calls = work_claimed(&mut desk, &before, TaskKind::Scheduled(1));
        let notifications: Vec<_> = calls
            .iter()
            .filter_map(|call| match call {
                Call::SendMail(_, notification) => Some((
                    notification.kind,
                    notification.attempts,
                    notification.last.as_str(),
                )),
                _ => None,
            })
            .collect();
        assert_eq!(
            notifications,
            vec![(NotificationKind::Warning, 4, "dns"); mails],
            "{made} {did}"
        );
        // The next attempt is enqueued before any mail is sent.
        assert!(
            matches!(calls.get(3), Some(Call::ScheduleTask(..))),
            "{calls:?}"
        );
    }
}

#[test]
fn a_mark_is_set_and_taken_away_after_the_work_and_told_by_who_did_it() {
    for (is_slow, did, tells) in [
        (true, true, 1),
        (true, false, 0),
        (false, true, 1),
        (false, false, 0),
    ] {
        let mut desk = dispatcher("standard");
        desk.deps.did = did;
        desk.deps.record = record(Vec::new(), false);
        if is_slow {
            desk.deps.answer = Outcome::failure(FailureKind::Timeout, "");
        } else if let Some(snapshot) = &mut desk.deps.snapshot {
            let since = Time::from_millis(NOW.millis() - 60_000);
            snapshot.subscriptions[0].webhook.slow_since = Some(since);
        }
        let before = retrying(NOW);
        desk.deps.takes = Duration::from_secs(if is_slow { 10 } else { 1 });
        let asks = if is_slow { 1 } else { 31 };
        for ask in 1..=asks {
            desk.deps.claim = Some(LeaseResult::Acquired(Box::new(before.clone())));
            let task = task(&before, TaskKind::Scheduled(1));
            let calls = work(&desk, &asked_slowly(&task));
            let told = calls
                .iter()
                .filter(|call| matches!(call, Call::SlowLaneChanged(slow) if *slow == is_slow));
            let wanted = if ask == asks { tells } else { 0 };
            assert_eq!(told.count(), wanted, "{is_slow} {did} {calls:?}");
            if wanted > 0 {
                assert!(
                    matches!(calls.last(), Some(Call::SlowLaneChanged(_))),
                    "{calls:?}"
                );
            }
        }
    }
}
