//! Events published over the HTTP API.

use super::fixtures::*;
use super::*;
use crate::event::NewEvent;
use crate::flow::{Published, Publisher};
use crate::rejection::{Code, Rejection};

type Answer = Result<Result<Published, Rejection>, Fault>;

fn new_event(id: Option<&str>) -> NewEvent {
    let mut event = event::parse(br#"{"type":"a.b","data":1}"#).unwrap();
    event.id = id.map(|id| id.parse().unwrap());
    event
}

fn key(number: u8) -> Ulid {
    Ulid::new(NOW, [number; 10])
}

fn publish(desk: &FakePorts, id: Option<&str>) -> (Answer, Vec<Call>) {
    let publisher = Publisher {
        store: desk,
        events: desk,
        clock: desk,
        since: Time::from_millis(0),
    };
    let tenant = event().tenant;
    let published = publisher.publish(&tenant, new_event(id), key(1));
    (published.now_or_never().unwrap(), told(desk))
}

fn accepted(answer: Answer) -> (String, bool) {
    let published = answer.unwrap().unwrap();
    (published.id.to_string(), published.duplicate)
}

#[test]
fn an_event_without_an_id_is_stored_announced_and_named_by_us() {
    let desk = dispatcher("standard").deps;
    let (answer, calls) = publish(&desk, None);
    assert_eq!(accepted(answer), (format!("evt_{}", key(1)), false));
    assert!(
        matches!(&calls[..], [Call::PutEvent(_), Call::SendEvents(keys, false)] if *keys == [key(1)]),
        "{calls:?}"
    );
}

#[test]
fn an_ambiguous_send_is_recorded_and_repeated_and_another_fault_is_returned() {
    let desk = dispatcher("standard").deps;
    *desk.queue_faults.lock().unwrap() = vec![Stage::Ambiguous];
    let (answer, calls) = publish(&desk, None);
    assert!(!accepted(answer).1);
    assert!(
        matches!(&calls[..], [Call::PutEvent(_), Call::SendEvents(_, false), Call::RequireLease(noted), Call::SendEvents(_, true)]
            if *noted == key(1)),
        "{calls:?}"
    );
    *desk.queue_faults.lock().unwrap() = vec![Stage::Enqueue];
    let (answer, calls) = publish(&desk, None);
    assert!(
        matches!(answer, Err(fault) if fault.stage == Stage::Enqueue)
            && matches!(&calls[..], [Call::PutEvent(_), Call::SendEvents(_, false)]),
        "{calls:?}"
    );
    // An event with an id releases the id, so that the caller may retry at once.
    *desk.queue_faults.lock().unwrap() = vec![Stage::Enqueue];
    let (answer, calls) = publish(&desk, Some("a"));
    assert!(
        answer.is_err()
            && matches!(
                &calls[..],
                [
                    Call::PutEvent(_),
                    Call::SendEvents(_, false),
                    Call::ReleaseEventId
                ]
            ),
        "{calls:?}"
    );
}

#[test]
fn a_callers_id_is_accepted_once_and_under_a_predecessors_key_announced_again() {
    let mut desk = dispatcher("standard").deps;
    let (answer, calls) = publish(&desk, Some("a"));
    assert_eq!(accepted(answer), ("a".to_owned(), false));
    assert!(
        matches!(&calls[..], [Call::PutEvent(_), Call::SendEvents(keys, false), Call::MarkEventIdAccepted] if *keys == [key(1)]),
        "{calls:?}"
    );
    // Under its predecessor's key, which may be its own: that of a dead letter is always the same.
    for key in [key(1), key(2)] {
        let is_taken_over = true;
        desk.id_claim = Some(EventIdClaim::Acquired { key, is_taken_over });
        let (answer, calls) = publish(&desk, Some("a"));
        assert_eq!(accepted(answer), ("a".to_owned(), false));
        assert!(
            matches!(&calls[..], [Call::PutEvent(_), Call::RequireLease(_), Call::SendEvents(keys, true), Call::MarkEventIdAccepted]
                if *keys == [key]),
            "{calls:?}"
        );
    }
    desk.id_claim = Some(EventIdClaim::AlreadyAccepted(key(2)));
    let (answer, calls) = publish(&desk, Some("a"));
    assert_eq!(accepted(answer), ("a".to_owned(), true));
    assert!(calls.is_empty(), "{calls:?}");
    desk.id_claim = Some(EventIdClaim::InProgress);
    let (answer, calls) = publish(&desk, Some("a"));
    assert!(matches!(answer, Err(fault) if fault.stage == Stage::Busy));
    assert!(calls.is_empty(), "{calls:?}");
}

#[test]
fn an_id_that_stands_for_another_event_is_refused_by_its_field() {
    let refused = |desk: &FakePorts, id: &str| {
        let (answer, calls) = publish(desk, Some(id));
        assert!(calls.is_empty(), "{calls:?}");
        let rejection = answer.unwrap().unwrap_err();
        assert_eq!(rejection.code, Code::IdConflict);
        assert!(rejection.detail.contains(id), "{}", rejection.detail);
    };
    let mut desk = dispatcher("standard").deps;
    desk.id_claim = Some(EventIdClaim::Conflict);
    refused(&desk, "a");
    // A generated id, under which an event without an id was stored.
    desk.id_claim = None;
    desk.record = record(Vec::new(), false);
    refused(&desk, &event().id.to_string());
    // A caller may use an id in the generated form if no event has it.
    desk.record = None;
    let (answer, _) = publish(&desk, Some(&event().id.to_string()));
    assert!(!accepted(answer).1);
}

#[test]
fn a_batch_is_announced_together_and_answered_each_by_its_own() {
    let all = |desk: &FakePorts, ids: [Option<&str>; 4]| {
        let publisher = Publisher {
            store: desk,
            events: desk,
            clock: desk,
            since: Time::from_millis(0),
        };
        let events = (1u8..).zip(ids).map(|(n, id)| (new_event(id), key(n)));
        let tenant = event().tenant;
        let answers = publisher.publish_all(&tenant, events.collect());
        (answers.now_or_never().unwrap(), told(desk))
    };
    let desk = dispatcher("standard").deps;
    // The event with an id is announced first, in a request of its own.
    *desk.queue_faults.lock().unwrap() = vec![Stage::Enqueue, Stage::Ambiguous, Stage::Enqueue];
    let (answers, calls) = all(&desk, [Some("a"), None, None, None]);
    let told: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.map(|answer| answer.unwrap().id.to_string()))
        .map(|answer| answer.map_err(|fault| fault.stage))
        .collect();
    let ours = |n| Ok(format!("evt_{}", key(n)));
    assert_eq!(
        told,
        [Err(Stage::Enqueue), ours(2), Err(Stage::Enqueue), ours(4)]
    );
    let announced: Vec<_> = calls
        .iter()
        .filter_map(|call| match call {
            Call::SendEvents(keys, again) => Some((keys.clone(), *again)),
            Call::RequireLease(key) => Some((vec![*key], true)),
            _ => None,
        })
        .collect();
    let together = vec![key(2), key(3), key(4)];
    assert_eq!(
        announced,
        [
            (vec![key(1)], false),
            (together, false),
            (vec![key(2)], true),
            (vec![key(2)], true)
        ]
    );
}
