//! A webhook's filter decides about first attempts, and about nothing else.

use super::fixtures::*;
use super::*;
use crate::filter::Filter;

fn filtered(filter: &str) -> Dispatcher<FakePorts> {
    let mut desk = dispatcher("standard");
    let snapshot = desk.deps.snapshot.as_mut().unwrap();
    snapshot.subscriptions[0].webhook.filter = Some(Filter::parse(filter).unwrap());
    desk
}

const OTHER: &str = r#"{"data": {"n": [2]}}"#;

#[test]
fn an_event_that_a_filter_leaves_out_is_stored_without_a_delivery() {
    let calls = work(&filtered(OTHER), &published(1));
    assert!(
        matches!(&calls[..], [Call::PutEvent(inside), Call::EventAccepted] if inside.is_empty()),
        "{calls:?}"
    );
    let calls = work(&filtered(r#"{"data": {"n": [1.0]}}"#), &published(1));
    assert!(matches!(&calls[0], Call::Post(_)), "{calls:?}");
}

#[test]
fn a_stored_event_that_a_filter_leaves_out_is_not_written_again() {
    for is_marked in [false, true] {
        let mut desk = filtered(OTHER);
        desk.deps.record = record(Vec::new(), is_marked);
        let calls = work(&desk, &announced(1));
        assert!(calls.is_empty(), "{calls:?}");
    }
}
