//! Logs and metrics: JSON lines on standard output, where Lambda reads them.
//!
//! One line reports one attempt. Counters are written in the embedded metric format, one line for
//! each invocation and none per tenant: every distinct set of dimensions is a metric that is
//! billed. The stack is the only dimension, so that two stacks of a region do not add up in one
//! metric. No payload and no secret is ever written.
//!
//! The lines are written here, not by a subscriber of `tracing`. The AWS SDK, hyper and reqwest
//! send their requests' headers to any subscriber, so it is safest to have none: no filter can be
//! wrong, and `RUST_LOG` changes nothing. Measured with a subscriber that writes the same line
//! behind a filter for our own crates: each function grows by 92 KB, the first line takes 50 us
//! instead of 6, each further one 2.9 us instead of 1.0. It also does not support list fields, such
//! as `causes`. Test: test_a_function_writes_its_own_log_lines_only.

use std::error::Error;
use std::io::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::dead_letter::{Body, DeadLetter};
use domain::delivery::{Attempt, Delivery, Trigger, Verdict};
use domain::outcome::Outcome;
use domain::ports::{Fault, FaultKind, Telemetry};
use domain::safe_text::SafeText;
use domain::tenant::WebhookVersion;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::now;
use crate::invocation::{self, Invocation};
use crate::settings::optional;

/// CloudWatch rejects a dimension without a value.
static STACK: LazyLock<String> =
    LazyLock::new(|| optional(crate::env::STACK).unwrap_or_else(|| "postel".to_owned()));

/// Writes one line, in one piece. A log that cannot be written must not stop deliveries.
fn line(value: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_vec(value) {
        text.push(b'\n');
        let _ = std::io::stdout().lock().write_all(&text);
    }
}

/// The start of every log line, except metrics. Only [`write()`] creates one.
///
/// `timestamp` and `level` are the names that Lambda reads. It gives a line without a valid
/// timestamp the level INFO and a timestamp of its own
/// (docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
#[derive(Serialize)]
struct Line<'a, F> {
    timestamp: String,
    level: &'a str,
    message: &'a str,
    #[serde(flatten)]
    invocation: Invocation,
    #[serde(flatten)]
    fields: F,
}

/// The fields of an attempt's line, which is by far the most frequent one: CloudWatch charges per
/// byte, so absent fields are omitted.
#[derive(Serialize)]
struct AttemptLine<'a> {
    tenant_id: &'a str,
    webhook_id: &'a str,
    event_id: &'a str,
    delivery_id: String,
    attempt_number: u32,
    trigger: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_detail: Option<&'a str>,
    duration_ms: u128,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
}

/// An event of interest to an operator.
pub fn info(message: &str, fields: &Value) {
    write("INFO", message, fields);
}

/// The fields of a fault's line.
#[derive(Serialize)]
struct FaultLine<'a> {
    stage: String,
    fault_kind: &'static str,
    causes: Vec<SafeText>,
    #[serde(flatten)]
    fields: &'a Value,
}

/// A failure of Postel itself, with all its causes.
pub fn fault(message: &str, fault: &Fault, fields: &Value) {
    let about = FaultLine {
        stage: format!("{:?}", fault.stage),
        fault_kind: fault.kind.as_str(),
        causes: causes(fault.source.as_ref()),
        fields,
    };
    write(level(fault.kind), message, &about);
}

/// A fault that a retry may fix is a warning. Every other fault needs an operator at once.
const fn level(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Transient => "WARN",
        FaultKind::Corrupt | FaultKind::Newer | FaultKind::Bug => "ERROR",
    }
}

/// The maximum size of one cause, in bytes: a response of AWS may have pages of text.
const MAX_CAUSE_BYTES: usize = 2000;

/// An invocation failed as a whole: all its work comes back.
pub(crate) fn failed(why: &(dyn Error + 'static)) {
    match why.downcast_ref::<Fault>() {
        Some(known) => fault("invocation.failed", known, &json!({})),
        None => write(
            "ERROR",
            "invocation.failed",
            &json!({"causes": causes(why)}),
        ),
    }
}

fn causes(error: &(dyn Error + 'static)) -> Vec<SafeText> {
    std::iter::successors(Some(error), |&error| error.source())
        .map(|error| SafeText::bounded(&error.to_string(), MAX_CAUSE_BYTES))
        .collect()
}

fn write(level: &str, message: &str, fields: &impl Serialize) {
    line(&line_of(level, message, fields));
}

fn line_of<'a, F: Serialize>(level: &'a str, message: &'a str, fields: F) -> Line<'a, F> {
    Line {
        timestamp: now().rfc3339(),
        level,
        message,
        invocation: invocation::current(),
        fields,
    }
}

/// The counters of a process since its last flush.
#[derive(Default)]
pub struct Counters {
    accepted: AtomicU64,
    delivered: AtomicU64,
    retried: AtomicU64,
    dead: AtomicU64,
    refused: AtomicU64,
}

static COUNTERS: Counters = Counters {
    accepted: AtomicU64::new(0),
    delivered: AtomicU64::new(0),
    retried: AtomicU64::new(0),
    dead: AtomicU64::new(0),
    refused: AtomicU64::new(0),
};

/// Counts accepted events.
pub fn count_accepted(number: u64) {
    COUNTERS.accepted.fetch_add(number, Ordering::Relaxed);
}

/// Writes the counters since the last flush, if any is not zero. Called at the end of each
/// invocation.
pub fn flush() {
    let counts = [
        ("EventsAccepted", &COUNTERS.accepted),
        ("DeliveriesSucceeded", &COUNTERS.delivered),
        ("DeliveriesRetried", &COUNTERS.retried),
        ("DeliveriesDeadLettered", &COUNTERS.dead),
        ("MessagesRejected", &COUNTERS.refused),
    ]
    .map(|(name, counter)| (name, counter.swap(0, Ordering::Relaxed)));
    let counted: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    if counted.is_empty() {
        return;
    }
    metrics(&counted);
}

/// Reports a row that cannot be read and is left out. Written at once, since this is rare. Contains
/// only its keys, since the rest may be a tenant's data.
pub(crate) fn unreadable(pk: &str, sk: &str, kind: FaultKind) {
    // A manually written row may have any key: the longest has 2,048 bytes.
    let [pk, sk] = [pk, sk].map(|key| SafeText::bounded(key, MAX_CAUSE_BYTES));
    let fields = json!({"pk": pk, "sk": sk, "fault_kind": kind.as_str()});
    write("ERROR", "row.unreadable", &fields);
    metrics(&[("RowsUnreadable", 1)]);
}

/// One line in the embedded metric format.
fn metrics(counted: &[(&str, u64)]) {
    line(&metrics_line(counted, &STACK));
}

fn metrics_line(counted: &[(&str, u64)], stack: &str) -> Map<String, Value> {
    let metrics: Vec<_> = counted
        .iter()
        .map(|(name, _)| json!({"Name": name, "Unit": "Count"}))
        .collect();
    let mut emf = Map::new();
    emf.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now().millis(),
            "CloudWatchMetrics": [{"Namespace": "Postel", "Dimensions": [["Stack"]], "Metrics": metrics}],
        }),
    );
    emf.extend(
        counted
            .iter()
            .map(|(name, count)| ((*name).to_owned(), Value::from(*count))),
    );
    emf.insert("Stack".to_owned(), stack.into());
    emf
}

/// Logs and counts attempts and rejections.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogTelemetry;

impl Telemetry for LogTelemetry {
    fn attempt_finished(&self, delivery: &Delivery, attempt: &Attempt, verdict: Verdict) {
        let ended = attempt.at.plus(attempt.duration);
        let (counter, word, due) = match verdict {
            Verdict::Delivered if delivery.is_test => (None, "delivered", None),
            Verdict::Delivered => (Some(&COUNTERS.delivered), "delivered", None),
            // The schedule, or the end already reached, does not change.
            _ if attempt.trigger != Trigger::Automatic => (None, "failed", None),
            Verdict::Retry(delay) => (
                Some(&COUNTERS.retried),
                "retry",
                Some(ended.plus(delay).rfc3339()),
            ),
            Verdict::Dead(reason) => (Some(&COUNTERS.dead), reason.as_str(), None),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let (status, error, detail) = match &attempt.outcome {
            Outcome::Response { status, .. } => (Some(*status), None, None),
            // Postel writes the detail, the guard's reason code for instance: it contains nothing
            // of the receiver's.
            Outcome::Failure { kind, detail } => (None, Some(kind.code()), Some(detail.as_str())),
        };
        let fields = AttemptLine {
            tenant_id: delivery.tenant.as_str(),
            webhook_id: delivery.id.webhook.as_str(),
            event_id: delivery.event_id.as_str(),
            delivery_id: delivery.id.to_string(),
            attempt_number: attempt.number,
            trigger: attempt.trigger.as_str(),
            status_code: status,
            error,
            error_detail: detail,
            duration_ms: attempt.duration.as_millis(),
            verdict: word,
            next_attempt_at: due,
        };
        write("INFO", "delivery.attempted", &fields);
    }

    fn message_rejected(&self, dead: &DeadLetter) {
        COUNTERS.refused.fetch_add(1, Ordering::Relaxed);
        info("message.rejected", &about(dead));
    }

    fn message_unreadable(&self, message: &str, unread: &Fault) {
        fault(
            "message.unreadable",
            unread,
            &json!({"message_id": message}),
        );
    }

    fn delivery_abandoned(&self, dead: &DeadLetter) {
        COUNTERS.dead.fetch_add(1, Ordering::Relaxed);
        info("delivery.abandoned", &about(dead));
    }

    fn event_accepted(&self) {
        count_accepted(1);
    }

    fn slow_lane_changed(&self, webhook: &WebhookVersion, is_slow: bool) {
        let message = if is_slow {
            "webhook.slow_lane.entered"
        } else {
            "webhook.slow_lane.left"
        };
        // Two tenants may choose the same id.
        let fields = json!({
            "tenant_id": webhook.tenant.as_str(),
            "webhook_id": webhook.webhook.as_str(),
        });
        info(message, &fields);
    }
}

fn about(dead: &DeadLetter) -> Value {
    let delivery = match &dead.body {
        Body::Delivery(died) => Some(died.id.to_string()),
        Body::Message { .. } => None,
    };
    json!({
        "tenant_id": dead.tenant.as_ref().map(ToString::to_string),
        "delivery_id": delivery,
        "dead_letter_id": dead.id.to_string(),
        "reason": dead.reason.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use domain::ports::Stage;

    use super::*;

    fn written(line: &impl Serialize) -> Value {
        serde_json::to_value(line).unwrap()
    }

    #[tokio::test]
    async fn every_line_has_the_ids_of_its_invocation_and_outside_of_one_there_are_none() {
        let line = || written(&line_of("INFO", "sweep.completed", json!({"revived": 1})));
        let without = line();
        assert_eq!(without.as_object().unwrap().len(), 4, "{without}");
        for gateway in [None, Some("g".to_owned())] {
            let ids = Invocation {
                lambda: Some("l".to_owned()),
                gateway: gateway.clone(),
            };
            let line = invocation::within(ids, async { line() }).await;
            assert_eq!(line["request_id"], "l");
            assert_eq!(
                line.get("gateway_request_id"),
                gateway.map(Value::from).as_ref()
            );
            assert_eq!(
                (&line["message"], &line["revived"]),
                (&json!("sweep.completed"), &json!(1))
            );
        }
    }

    #[test]
    fn what_may_pass_is_a_warning_and_what_nobody_can_read_an_error() {
        for (fault, level_of, kind) in [
            (
                Fault::transient(Stage::ReadConfig, "why"),
                "WARN",
                "transient",
            ),
            (Fault::corrupt(Stage::ReadConfig, "why"), "ERROR", "corrupt"),
            (Fault::newer(Stage::ReadConfig, "why"), "ERROR", "newer"),
            (Fault::bug(Stage::ReadConfig, "why"), "ERROR", "bug"),
        ] {
            assert_eq!((level(fault.kind), fault.kind.as_str()), (level_of, kind));
        }
    }
}
