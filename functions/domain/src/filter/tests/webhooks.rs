//! The filter of a webhook: made, changed, and asked by lists.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::author::Author;
use crate::event;
use crate::event_summary::EventSummary;
use crate::guard::EgressPolicy;
use crate::tenant::Webhook;
use crate::ulid::Ulid;
use crate::webhook::testing::{at, contract, tenant, webhook};
use crate::webhook::{ChangedMember, WebhookPatch, WebhookRules};

fn patched(before: &Webhook, patch: &Value) -> Result<Option<Webhook>, Rejection> {
    let egress = EgressPolicy::default();
    let rules = WebhookRules {
        egress: &egress,
        max_timeout: Duration::from_secs(30),
    };
    let members = serde_json::from_str(&patch.to_string()).unwrap();
    let change = WebhookPatch::read(members)?.on(before)?;
    let valid = change.validate(Ok(&contract()), &contract(), rules)?;
    Ok(valid
        .seal(
            &Author::Postel,
            at(10),
            |_, _, _| Ok::<_, ()>(String::new()),
        )
        .unwrap())
}

#[test]
fn a_filter_is_replaced_as_a_whole_and_removed_by_null() {
    let first = patched(
        &webhook(),
        &json!({"filter": {"data": {"a": [1], "b": [2]}}}),
    );
    let first = first.unwrap().unwrap();
    assert_eq!(
        first.filter.as_ref().unwrap().text(),
        r#"{"data":{"a":[1],"b":[2]}}"#
    );
    let second = patched(&first, &json!({"filter": {"data": {"b": [3]}}}))
        .unwrap()
        .unwrap();
    assert_eq!(
        second.filter.as_ref().unwrap().text(),
        r#"{"data":{"b":[3]}}"#
    );
    assert_eq!(
        second.last_change().unwrap().changed,
        [ChangedMember::Filter]
    );
    assert_eq!(
        patched(&second, &json!({"name": "x"}))
            .unwrap()
            .unwrap()
            .filter,
        second.filter
    );
    assert_eq!(
        patched(&second, &json!({"filter": null}))
            .unwrap()
            .unwrap()
            .filter,
        None
    );
}

#[test]
fn another_filter_is_another_state_for_readers_and_none_for_attempts() {
    let filter = json!({"filter": {"data": [1]}});
    let after = patched(&webhook(), &filter).unwrap().unwrap();
    assert_eq!(
        (after.version, after.updated_at),
        (webhook().version, at(10))
    );
    assert_ne!(after.tag(), webhook().tag());
    assert_eq!(patched(&after, &filter).unwrap(), None);
    let spaced = format!(r#"{{"filter": {}}}"#, r#"{ "data" : [ 1 ] }"#);
    let spaced = serde_json::from_str(&spaced).unwrap();
    assert_eq!(patched(&after, &spaced).unwrap(), None);
}

#[test]
fn a_mistake_is_told_with_those_of_other_members() {
    let patch = json!({"filter": {"data": {"a": 1}}, "overrides": 5});
    let told = patched(&webhook(), &patch).unwrap_err();
    let all = [&told].into_iter().chain(told.others.iter());
    let fields: Vec<_> = all.map(|one| one.field.as_deref().unwrap()).collect();
    assert_eq!(fields, ["overrides", "filter.data.a"]);
}

#[test]
fn an_event_awaits_no_webhook_whose_filter_leaves_it_out() {
    let with = |filter: &str| Webhook {
        filter: Some(Filter::parse(filter).unwrap()),
        ..webhook()
    };
    let published = event::parse(br#"{"type":"a.b","data":{"n":1}}"#).unwrap();
    let event = published.accept(tenant().id, Ulid::derived(at(5), "x"));
    let summary = |webhook: &Webhook, is_kept: bool| {
        let content = || event.payload.content().filter(|_| is_kept).cloned();
        let webhooks = std::slice::from_ref(webhook);
        EventSummary::from(&event).filtered(content, webhooks)
    };
    let awaits = |webhook: &Webhook, is_kept| {
        let summary = summary(webhook, is_kept);
        let awaited = summary.awaited(std::slice::from_ref(webhook), &HashSet::new());
        assert_eq!(awaited.len(), usize::from(summary.awaits(webhook)));
        summary.awaits(webhook)
    };
    assert!(awaits(&with(r#"{"data": {"n": [1]}}"#), true));
    assert!(!awaits(&with(r#"{"data": {"n": [2]}}"#), true));
    assert!(!awaits(&with(r#"{"data": {"n": [1]}}"#), false), "erased");
    assert!(awaits(&webhook(), false));
    // Without a filter that may be asked, the content is not read.
    let unread = || unreachable!("no webhook has a filter");
    let _ = EventSummary::from(&event).filtered(unread, &[webhook()]);
}
