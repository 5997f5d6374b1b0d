//! The stored form of an attempt.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::{Attempt, Trigger};
use domain::outcome::{FailureKind, Outcome};
use domain::ports::{Fault, OrFault as _, Stage};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use crate::dynamo::from_json;

/// An attempt, written as a JSON array: number, trigger, milliseconds since the event's key,
/// duration in milliseconds, URL, contract, signature, outcome, names of the webhook's own headers,
/// display name of the type, version of the webhook, values from the webhook's or tenant's context.
#[derive(Serialize, Deserialize)]
pub(super) struct AttemptRow(
    u32,
    TriggerRow,
    i64,
    u64,
    String,
    String,
    Option<String>,
    OutcomeRow,
    #[serde(default)] Vec<String>,
    #[serde(default)] Option<String>,
    #[serde(default)] u32,
    #[serde(default)] BTreeMap<String, String>,
);

#[derive(Serialize, Deserialize)]
enum TriggerRow {
    #[serde(rename = "a")]
    Automatic,
    #[serde(rename = "m")]
    Manual,
    #[serde(rename = "t")]
    Test,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OutcomeRow {
    Response(u16, Vec<(String, String)>, String, bool),
    Failure(FailureKind, String),
}

/// The stored form of an attempt.
pub(super) fn write_attempt(attempt: &Attempt, event: Ulid) -> Result<String, Fault> {
    serde_json::to_string(&attempt_row(attempt, event)).or_bug(Stage::WriteOutcome)
}

/// Reads the stored form of an attempt.
pub(super) fn read_attempt(text: &str, event: Ulid) -> Result<Attempt, Fault> {
    from_json(text, Stage::ReadStore).map(|row| attempt_of(row, event))
}

/// The stored form of an attempt without the receiver's response; `None` if it cannot be read.
pub(super) fn erased_attempt(text: &str, event: Ulid) -> Option<String> {
    write_attempt(&read_attempt(text, event).ok()?.erased(), event).ok()
}

pub(super) fn attempt_row(attempt: &Attempt, event: Ulid) -> AttemptRow {
    let outcome = match &attempt.outcome {
        Outcome::Response {
            status,
            headers,
            body,
            truncated,
        } => OutcomeRow::Response(*status, headers.clone(), body.clone(), *truncated),
        Outcome::Failure { kind, detail } => OutcomeRow::Failure(*kind, detail.clone()),
    };
    let trigger = match attempt.trigger {
        Trigger::Automatic => TriggerRow::Automatic,
        Trigger::Manual => TriggerRow::Manual,
        Trigger::Test => TriggerRow::Test,
    };
    AttemptRow(
        attempt.number,
        trigger,
        attempt.at.millis().saturating_sub(event.time().millis()),
        u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
        attempt.url.clone(),
        attempt.contract.clone(),
        attempt.signature.clone(),
        outcome,
        attempt.own_headers.clone(),
        attempt.type_name.clone(),
        attempt.webhook_version,
        attempt.context.clone(),
    )
}

pub(super) fn attempt_of(row: AttemptRow, event: Ulid) -> Attempt {
    let AttemptRow(
        number,
        trigger,
        after,
        duration,
        url,
        contract,
        signature,
        outcome,
        own_headers,
        type_name,
        webhook_version,
        context,
    ) = row;
    Attempt {
        number,
        trigger: match trigger {
            TriggerRow::Automatic => Trigger::Automatic,
            TriggerRow::Manual => Trigger::Manual,
            TriggerRow::Test => Trigger::Test,
        },
        at: Time::from_millis(event.time().millis().saturating_add(after)),
        duration: Duration::from_millis(duration),
        webhook_version,
        url,
        contract,
        signature,
        own_headers,
        type_name,
        context,
        outcome: match outcome {
            OutcomeRow::Response(status, headers, body, truncated) => Outcome::Response {
                status,
                headers,
                body,
                truncated,
            },
            OutcomeRow::Failure(kind, detail) => Outcome::Failure { kind, detail },
        },
    }
}
