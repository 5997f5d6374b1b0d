//! How many attempts of an event run concurrently, and what happens to those that wait.

use super::fixtures::*;
use super::*;

/// Sends an event of `bytes` bytes to a hundred webhooks and returns how many attempts ran
/// concurrently at most. All webhooks receive it, and the outcomes are recorded in order.
fn max_at_a_time(bytes: usize) -> usize {
    let mut desk = dispatcher("standard");
    let contract = builtin("standard").unwrap();
    let everybody: Vec<_> = (1..=100).map(|number| webhook(number, &contract)).collect();
    let ids: Vec<_> = everybody.iter().map(|to| to.webhook.id.clone()).collect();
    desk.deps.snapshot.as_mut().unwrap().subscriptions = everybody;
    (desk.deps.lingers, desk.deps.takes) = (true, Duration::ZERO);
    let message = QueueMessage {
        body: format!(
            r#"{{"tenantId":"t","type":"a.b","data":"{}"}}"#,
            "x".repeat(bytes)
        ),
        ..published(1)
    };
    let mut batch = Box::pin(desk.batch(
        std::slice::from_ref(&message),
        NOW.plus(RECORDING_RESERVE * 100),
    ));
    // Each poll lets every POST in flight end.
    let failed = (0..1000).find_map(|_| (&mut batch).now_or_never());
    assert!(failed.unwrap().is_empty());
    drop(batch);
    let calls = told(&desk.deps);
    let posts = calls.iter().filter(|call| matches!(call, Call::Post(_)));
    assert_eq!(posts.count(), 100);
    let inside = calls.iter().find_map(|call| match call {
        Call::PutEvent(inside) => Some(inside.iter().map(|delivery| delivery.id.webhook.clone())),
        _ => None,
    });
    assert!(ids.starts_with(&inside.unwrap().collect::<Vec<_>>()));
    desk.deps.under_way.lock().unwrap().1
}

#[test]
fn a_large_event_is_sent_to_as_many_webhooks_at_a_time_as_there_is_memory_for() {
    assert!(max_at_a_time(255 * 1024) <= 12);
    // An event of common size is sent concurrently to as many webhooks as a tenant may have by
    // default.
    assert!(max_at_a_time(64 * 1024) >= 25);
    assert!(max_at_a_time(10) >= 64);
}

#[test]
fn an_attempt_that_waited_too_long_for_others_of_its_event_is_made_by_a_task() {
    let mut desk = dispatcher("standard");
    let contract = builtin("standard").unwrap();
    desk.deps.snapshot.as_mut().unwrap().subscriptions =
        (1..=100).map(|number| webhook(number, &contract)).collect();
    desk.deps.takes = Duration::from_secs(1);
    let message = QueueMessage {
        body: format!(
            r#"{{"tenantId":"t","type":"a.b","data":"{}"}}"#,
            "x".repeat(255 * 1024)
        ),
        ..published(1)
    };
    let batch = desk.batch(
        std::slice::from_ref(&message),
        NOW.plus(RECORDING_RESERVE * 100),
    );
    assert!(batch.now_or_never().unwrap().is_empty());

    let calls = told(&desk.deps);
    let posts = calls.iter().filter(|call| matches!(call, Call::Post(_)));
    let posts = posts.count();
    // Each attempt takes a second; after two seconds the remaining ones are put off together.
    assert!((3..=13).contains(&posts), "{posts}");
    let left = calls.iter().filter(
        |call| matches!(call, Call::CreateDelivery(left, None) if left.status == Status::Pending && left.next_attempt_at.is_some()),
    );
    let carried = calls.iter().filter(|call| {
        matches!(
            call,
            Call::ScheduleTask(_, Duration::ZERO) | Call::SendSlow(_)
        )
    });
    assert_eq!((left.count(), carried.count()), (100 - posts, 100 - posts));
}
