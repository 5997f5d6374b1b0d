//! A failed attempt's long response is stored once, in an item of its own, and read back with its
//! attempt, whatever else happened.

use std::time::Duration;

use domain::delivery::{Attempt, Delivery, Trigger, Verdict};
use domain::event::{self, Event};
use domain::ids::WebhookId;
use domain::outcome::Outcome;
use domain::ports::{DeliveryStore as _, DueIndex as _, Lease, LeaseResult};
use domain::ulid::Ulid;

use crate::cloud::Cloud;
use crate::silence::Relay;

/// In every long response of these tests.
const MARK: &str = "the receiver's own page";

fn response(status: u16, number: u32) -> Outcome {
    Outcome::Response {
        status,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: format!("{MARK} {number} {}", "x".repeat(16 * 1024 - 100)),
        truncated: false,
    }
}

async fn accepted(cloud: &Cloud) -> Event {
    let now = adapters::clock::now();
    let event = event::parse(br#"{"type":"a.b","data":1}"#).unwrap();
    let event = event.accept("tenant".parse().unwrap(), Ulid::derived(now, "responses"));
    assert!(cloud.store.put_event(&event, &[], "owner").await.unwrap());
    event
}

fn attempt(of: &Delivery, outcome: Outcome) -> Attempt {
    Attempt {
        number: of.attempt_count + 1,
        trigger: Trigger::Automatic,
        at: adapters::clock::now(),
        duration: Duration::from_millis(7),
        webhook_version: 1,
        url: "https://example.com/".to_owned(),
        contract: "standard".to_owned(),
        signature: None,
        own_headers: Vec::new(),
        type_name: None,
        context: std::collections::BTreeMap::new(),
        outcome,
    }
}

/// After an attempt that is to be retried at once.
fn retried(of: &Delivery, outcome: Outcome) -> Delivery {
    let attempt = attempt(of, outcome);
    of.clone()
        .after_automatic(attempt, Verdict::Retry(Duration::ZERO))
}

fn first(event: &Event, outcome: Outcome) -> Delivery {
    retried(&Delivery::new(event, &WebhookId::new([1; 16])), outcome)
}

/// The outcomes that a caller sees.
async fn shown(cloud: &Cloud, of: &Delivery) -> Vec<Outcome> {
    let detail = cloud.store.delivery(&of.tenant, &of.id, 10).await.unwrap();
    let attempts = detail.unwrap().attempts.into_iter();
    attempts.map(|attempt| attempt.outcome).collect()
}

async fn leased(cloud: &Cloud, delivery: &Delivery, owner: &str) -> Delivery {
    let now = adapters::clock::now();
    let lease = Lease {
        owner: owner.to_owned(),
        until: now.plus(Duration::from_secs(10)),
    };
    let task = delivery.task();
    let asked = cloud.store.acquire_lease(&task, &lease, now);
    let LeaseResult::Acquired(before) = asked.await.unwrap() else {
        panic!("nobody else has it");
    };
    cloud.store.archive_last_attempt(&before).await.unwrap();
    *before
}

#[tokio::test]
async fn long_responses_are_stored_once_and_shown_with_their_attempts() {
    let cloud = Cloud::open().await;
    let event = accepted(&cloud).await;
    let mut delivery = first(&event, response(500, 1));
    let opened = cloud.store.create_delivery(&delivery, None, "one");
    assert!(opened.await.unwrap());
    assert_eq!(shown(&cloud, &delivery).await, [response(500, 1)]);
    for number in 2..=4 {
        let owner = format!("owner {number}");
        let before = leased(&cloud, &delivery, &owner).await;
        assert_eq!(before.last_status(), Some(500));
        delivery = match number {
            4 => {
                let attempt = attempt(&before, response(200, 4));
                before.clone().after_automatic(attempt, Verdict::Delivered)
            }
            _ => retried(&before, response(500, number)),
        };
        let ended = cloud
            .store
            .complete_attempt(&before, &delivery, None, &owner);
        assert!(ended.await.unwrap());
        let expected = (1..=number).map(|n| response(if n == 4 { 200 } else { 500 }, n));
        assert_eq!(
            shown(&cloud, &delivery).await,
            expected.collect::<Vec<_>>(),
            "after {number}"
        );
    }
    let stored = cloud.texts().await;
    for number in 1..=4 {
        let mark = format!("{MARK} {number} ");
        let times = stored.iter().filter(|text| text.contains(&mark)).count();
        assert_eq!(times, 1, "{mark} is stored {times} times");
    }
    cloud.close().await;
}

/// A second process made the same first attempt, or the first one died before it wrote the row.
#[tokio::test]
async fn a_response_without_its_row_is_not_shown_as_another_attempts() {
    let cloud = Cloud::open().await;
    let event = accepted(&cloud).await;
    let won = first(&event, response(500, 1));
    tokio::time::sleep(Duration::from_millis(5)).await;
    let lost = first(&event, response(503, 2));
    assert!(
        cloud
            .store
            .create_delivery(&won, None, "one")
            .await
            .unwrap()
    );
    assert!(
        !cloud
            .store
            .create_delivery(&lost, None, "two")
            .await
            .unwrap()
    );
    assert_eq!(shown(&cloud, &won).await, [response(500, 1)]);
    cloud.close().await;
}

#[tokio::test]
async fn an_erased_events_long_responses_are_erased() {
    let cloud = Cloud::open().await;
    let event = accepted(&cloud).await;
    let opened = first(&event, response(500, 1));
    assert!(
        cloud
            .store
            .create_delivery(&opened, None, "one")
            .await
            .unwrap()
    );
    let before = leased(&cloud, &opened, "two").await;
    let after = retried(&before, response(500, 2));
    let ended = cloud.store.complete_attempt(&before, &after, None, "two");
    assert!(ended.await.unwrap());
    assert!(cloud.texts().await.iter().any(|text| text.contains(MARK)));

    let now = adapters::clock::now();
    let erased = cloud.store.erase(&event.tenant, event.key, now, None).await;
    assert!(erased.unwrap().is_some());

    assert!(!cloud.texts().await.iter().any(|text| text.contains(MARK)));
    for outcome in shown(&cloud, &after).await {
        assert!(matches!(outcome, Outcome::Response { status: 500, body, .. } if body.is_empty()));
    }
    cloud.close().await;
}

/// Nothing that could fail has been added between a POST and its record.
#[tokio::test]
async fn a_response_that_cannot_be_stored_by_itself_stays_in_the_row() {
    let cloud = Cloud::open().await;
    let relay = Relay::start(1).await;
    let event = accepted(&cloud).await;
    let delivery = first(&event, response(500, 1));
    let store = cloud.store_by(&relay.address);
    assert!(store.create_delivery(&delivery, None, "one").await.unwrap());
    let row = cloud.store.get_delivery(&delivery.tenant, &delivery.id);
    let last = row.await.unwrap().unwrap().last_attempt.unwrap();
    assert_eq!(last.outcome, response(500, 1));
    assert_eq!(shown(&cloud, &delivery).await, [response(500, 1)]);
    cloud.close().await;
}
