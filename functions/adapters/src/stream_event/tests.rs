use std::collections::BTreeMap;

use domain::operational_event::{StreamRecord, operational_events};
use serde_json::{Value, json};

use super::*;

fn tables() -> Tables {
    Tables {
        config: "p-ConfigTable".to_owned(),
        dead_letters: "p-DeadLettersTable".to_owned(),
    }
}

/// A record as Lambda sends it (AWS Lambda Developer Guide, "Using AWS Lambda with Amazon
/// DynamoDB", example event).
fn record(table: &str, before: &Value, after: &Value) -> Record {
    let record = json!({
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_772_355_600,
            "Keys": {"pk": {"S": "x"}, "sk": {"S": "y"}},
            "OldImage": before,
            "NewImage": after,
            "SequenceNumber": "111",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": format!("arn:aws:dynamodb:eu-west-1:123456789012:table/{table}/stream/2026-03-01T00:00:00.000"),
    });
    serde_json::from_value(record).unwrap()
}

fn kinds(record: Record) -> Vec<&'static str> {
    let (id, time) = (record.id.clone(), record.time());
    let change = record.change(&tables()).unwrap();
    let record = StreamRecord { id: &id, time };
    let events = change.map(|change| operational_events(&change, record, "p", None));
    let events = events.unwrap_or_default();
    events.iter().map(|event| event.kind.as_str()).collect()
}

fn key(pk: &str, sk: &str) -> BTreeMap<String, Value> {
    let value = |text: &str| json!({"S": text});
    BTreeMap::from([("pk".to_owned(), value(pk)), ("sk".to_owned(), value(sk))])
}

fn key_row() -> Value {
    let mut row = key("key#0123456789ab", "key");
    for (name, value) in [
        ("id", json!({"S": "0123456789ab"})),
        ("tenant", json!({"S": "acme"})),
        ("hash", json!({"S": "h"})),
        ("scopes", json!({"L": [{"S": "events:write"}]})),
        ("created_at", json!({"N": "5"})),
    ] {
        row.insert(name.to_owned(), value);
    }
    json!(row)
}

fn session_row(pk: &str) -> Value {
    let mut row = key(pk, "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    for (name, value) in [
        ("id", json!({"S": "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV"})),
        ("scopes", json!({"L": [{"S": "events:write"}]})),
        ("created_at", json!({"N": "5"})),
        ("ends_at", json!({"N": "9"})),
        ("code_hash", json!({"S": "h"})),
        ("code_until", json!({"N": "9"})),
        ("expires_at", json!({"N": "9"})),
    ] {
        row.insert(name.to_owned(), value);
    }
    json!(row)
}

fn dead_letter_row(pk: &str) -> Value {
    let mut row = key(pk, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    for (name, value) in [
        ("at", json!({"N": "5"})),
        ("reason", json!({"S": "malformed_json"})),
        ("detail", json!({"S": "d"})),
        ("message", json!({"S": "{"})),
        ("sender", json!({"S": "AROA:session"})),
        ("message_id", json!({"S": "m"})),
        ("expires_at", json!({"N": "9"})),
    ] {
        row.insert(name.to_owned(), value);
    }
    json!(row)
}

#[test]
fn a_record_as_lambda_sends_it_is_read() {
    let record = record("p-ConfigTable", &Value::Null, &key_row());
    assert_eq!(record.time(), Time::from_millis(1_772_355_600_000));
    assert_eq!(record.sequence_number(), "111");
    assert_eq!(kinds(record), ["key.created"]);
}

#[test]
fn the_table_of_the_stream_decides_what_a_row_is() {
    let dead = |table: &str, pk: &str| record(table, &Value::Null, &dead_letter_row(pk));
    assert_eq!(
        kinds(dead("p-DeadLettersTable", "acme")),
        ["message.rejected"]
    );
    assert_eq!(
        kinds(dead("p-DeadLettersTable", "#nobody")),
        ["message.rejected"]
    );
    // A tenant may be called as a partition of the other table.
    assert_eq!(kinds(dead("p-ConfigTable", "tenants")), [""; 0]);
    assert_eq!(
        kinds(record("p-DeadLettersTable", &Value::Null, &key_row())),
        [""; 0]
    );
    let foreign = record("p-Events", &Value::Null, &key_row());
    assert!(foreign.change(&tables()).unwrap_err().is_transient());
}

#[test]
fn a_new_session_is_an_event_and_its_opening_and_its_end_are_none() {
    for pk in ["sessions#", "sessions#acme"] {
        let row = || session_row(pk);
        let kinds = |before: &Value, after: &Value| kinds(record("p-ConfigTable", before, after));
        assert_eq!(kinds(&Value::Null, &row()), ["session.created"]);
        assert_eq!(kinds(&row(), &row()), [""; 0]);
        assert_eq!(kinds(&row(), &Value::Null), [""; 0]);
    }
}

#[test]
fn a_use_of_a_key_and_a_redriven_or_expired_dead_letter_are_no_events() {
    let used = record("p-ConfigTable", &key_row(), &key_row());
    assert_eq!(kinds(used), [""; 0]);
    let row = || dead_letter_row("acme");
    assert_eq!(kinds(record("p-DeadLettersTable", &row(), &row())), [""; 0]);
    assert_eq!(
        kinds(record("p-DeadLettersTable", &row(), &Value::Null)),
        [""; 0]
    );
}

#[test]
fn a_row_that_cannot_be_read_is_no_event_and_no_failure() {
    let mut row = key_row();
    row["scopes"] = json!({"S": "all"});
    assert_eq!(kinds(record("p-ConfigTable", &Value::Null, &row)), [""; 0]);
}

#[test]
fn the_response_names_where_to_continue() {
    let text = |response| serde_json::to_value::<StreamResponse>(response).unwrap();
    assert_eq!(
        text(StreamResponse::default()),
        json!({"batchItemFailures": []})
    );
    let from = json!({"batchItemFailures": [{"itemIdentifier": "111"}]});
    assert_eq!(text(StreamResponse::from("111".to_owned())), from);
}
