//! Events on both paths, and messages of the queues.

use std::collections::BTreeMap;

use adapters::sqs_event::Queues;
use domain::contract::{builtin, builtin_names};
use domain::event::{self, MAX_EVENT_BYTES, MAX_JSON_DEPTH, NewEvent};
use domain::flow::request_body;
use domain::ids::WebhookId;
use domain::messages::{DeliveryTask, RedriveJobMessage};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// An event's body: an accepted body is carried byte for byte, within its limits, and parses to the
/// same event when it is written again.
pub fn event(data: &[u8]) {
    let Ok((event, tenant)) = event::parse_with_tenant(data) else {
        assert!(event::parse(data).is_err());
        return;
    };
    assert!(data.len() <= MAX_EVENT_BYTES);
    assert_eq!(
        event::parse(data).is_err(),
        tenant.is_some(),
        "the HTTP door takes the tenant from its path alone"
    );
    let body = std::str::from_utf8(data).unwrap();
    assert!(body.contains(&event.data), "the data is not what was sent");
    assert!(depth(&event.data) <= MAX_JSON_DEPTH);
    if let Some(time) = &event.timestamp {
        assert!(
            is_rfc3339_utc(time),
            "{time} is promised to be RFC 3339 in UTC"
        );
    }
    let (again, _) = event::parse_with_tenant(written(&event).as_bytes()).unwrap();
    assert_eq!(again.fingerprint(), event.fingerprint());
    assert_eq!((&again.id, &again.data), (&event.id, &event.data));

    let stored = event.accept(
        "t".parse().unwrap(),
        Ulid::derived(Time::from_millis(1), "x"),
    );
    let webhook = WebhookId::new([7; 16]);
    let content = stored.payload.content().unwrap();
    for name in builtin_names() {
        let contract = builtin(name).unwrap();
        let sent = String::from_utf8(request_body(
            &contract,
            &stored,
            content,
            &webhook,
            None,
            &BTreeMap::new(),
        ))
        .unwrap();
        serde_json::from_str::<IgnoredAny>(&sent)
            .unwrap_or_else(|e| panic!("{name} sends no JSON: {e}: {sent}"));
        assert!(sent.contains(&content.data), "{name} sends other data");
    }
    #[derive(Deserialize)]
    struct Standard<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let standard = builtin("standard").unwrap();
    let sent = String::from_utf8(request_body(
        &standard,
        &stored,
        content,
        &webhook,
        None,
        &BTreeMap::new(),
    ))
    .unwrap();
    let read: Standard<'_> = serde_json::from_str(&sent).unwrap();
    assert_eq!(
        read.data.get(),
        content.data,
        "the receiver reads other data"
    );
}

/// As a caller would write it, with every member.
fn written(event: &NewEvent) -> String {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let context: BTreeMap<_, _> = event
        .context
        .iter()
        .map(|(name, value)| (name, raw(value)))
        .collect();
    let mut body = format!(r#"{{"type":"{}","data":{}"#, event.event_type, event.data);
    if let Some(id) = &event.id {
        body += &format!(r#","id":"{id}""#);
    }
    if let Some(time) = &event.timestamp {
        body += &format!(r#","timestamp":"{time}""#);
    }
    body + &format!(
        r#","context":{}}}"#,
        serde_json::to_string(&context).unwrap()
    )
}

/// `2026-01-31T12:00:00Z`, with a fraction or without.
fn is_rfc3339_utc(time: &str) -> bool {
    let Some(time) = time.strip_suffix('Z') else {
        return false;
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let form = "0000-00-00T00:00:00";
    let fits = whole.len() == form.len()
        && whole.bytes().zip(form.bytes()).all(|(is, should)| {
            if should == b'0' {
                is.is_ascii_digit()
            } else {
                is == should
            }
        });
    fits && !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut within, mut escaped) = (0usize, 0, false, false);
    for c in json.chars() {
        match (within, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, _, '"') => within = !within,
            (false, _, '{' | '[') => depth += 1,
            (false, _, '}' | ']') => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A message of the internal queues parses to the same message when it is written again.
pub fn delivery_task(data: &[u8]) {
    if let Ok(task) = serde_json::from_slice::<DeliveryTask>(data) {
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<DeliveryTask>(&text).unwrap(), task);
        // A task never parses as an event: the public queue must not carry internal messages.
        assert!(event::parse_with_tenant(data).is_err());
    }
    if let Ok(task) = serde_json::from_slice::<RedriveJobMessage>(data) {
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(
            serde_json::from_str::<RedriveJobMessage>(&text).unwrap(),
            task
        );
    }
}

/// A batch from Lambda: all of it or an error, each message with its own id.
pub fn lambda(data: &[u8]) {
    let Ok(batch) = serde_json::from_slice(data) else {
        return;
    };
    let queues = Queues {
        events: Some("arn:events".into()),
        internal: Some("arn:deliveries".into()),
        slow: Some("arn:slow".into()),
    };
    let Ok(batch) = adapters::sqs_event::batch(batch, &queues) else {
        return;
    };
    let value: serde_json::Value = serde_json::from_slice(data).unwrap();
    let records = value["Records"].as_array().map_or(0, Vec::len);
    assert_eq!(batch.messages.len(), records);
    // A response with an empty id would return the whole batch.
    assert!(batch.messages.iter().all(|message| !message.id.is_empty()));
}
