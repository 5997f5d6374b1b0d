//! Logs and metrics: JSON lines on standard output, where Lambda reads them.
//!
//! One line reports one attempt; `metrics` writes the counters. No payload and no secret is ever
//! written.
//!
//! The lines are written here, not by a subscriber of `tracing`. The AWS SDK, hyper and reqwest
//! send their requests' headers to any subscriber, so it is safest to have none: no filter can be
//! wrong, and `RUST_LOG` changes nothing. Measured with a subscriber that writes the same line
//! behind a filter for our own crates: each function grows by 92 KB, the first line takes 50 us
//! instead of 6, each further one 2.9 us instead of 1.0. It also does not support list fields, such
//! as `causes`. Test: test_a_function_writes_its_own_log_lines_only.

use std::error::Error;
use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

use domain::dead_letter::{Body, DeadLetter, Reason};
use domain::delivery::{Attempt, Delivery, Trigger, Verdict};
use domain::flow::Swept;
use domain::outcome::Outcome;
use domain::ports::{Fault, FaultKind, Stage, Telemetry};
use domain::safe_text::SafeText;
use domain::tenant::WebhookVersion;
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::now;
use crate::invocation::{self, Invocation};
use crate::metrics;

/// Writes one line, in one piece. A log that cannot be written must not stop deliveries.
pub(crate) fn line(value: &impl Serialize) {
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
    if matches!(fault.stage, Stage::Decrypt | Stage::Encrypt) {
        metrics::kms_fault();
    }
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

/// Counts accepted events.
pub fn count_accepted(number: u64) {
    metrics::EVENTS_ACCEPTED.add(number);
}

/// Writes the metrics since the last flush. Called at the end of each invocation.
pub fn flush() {
    metrics::flush();
}

/// Logs and counts the result of a sweep.
pub fn sweep_finished(swept: &Swept) {
    let fields = json!({"revived": swept.revived(), "oldest_due_s": swept.oldest_due.as_secs()});
    info("sweep.completed", &fields);
    metrics::swept(swept.oldest_due, swept.deliveries);
}

/// Reports a row that cannot be read and is left out. Written at once, since this is rare. Contains
/// only its keys, since the rest may be a tenant's data.
pub(crate) fn unreadable(pk: &str, sk: &str, kind: FaultKind) {
    // A manually written row may have any key: the longest has 2,048 bytes.
    let [pk, sk] = [pk, sk].map(|key| SafeText::bounded(key, MAX_CAUSE_BYTES));
    let fields = json!({"pk": pk, "sk": sk, "fault_kind": kind.as_str()});
    write("ERROR", "row.unreadable", &fields);
    metrics::row_unreadable();
}

/// Which attempts have a log line. The delivery log has all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttemptLog {
    /// Those that did not succeed.
    Failures,
    /// All.
    #[default]
    All,
}

impl FromStr for AttemptLog {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "failures" => Ok(Self::Failures),
            "all" => Ok(Self::All),
            _ => Err(()),
        }
    }
}

impl AttemptLog {
    fn has(self, verdict: Verdict) -> bool {
        self == Self::All || verdict != Verdict::Delivered
    }
}

/// Logs and counts attempts and rejections.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogTelemetry {
    /// Which attempts have a log line.
    pub attempts: AttemptLog,
}

impl Telemetry for LogTelemetry {
    fn attempt_finished(&self, delivery: &Delivery, attempt: &Attempt, verdict: Verdict) {
        let ended = attempt.at.plus(attempt.duration);
        let (counter, word, due) = match verdict {
            Verdict::Delivered if delivery.is_test => (None, "delivered", None),
            Verdict::Delivered => (Some(&metrics::DELIVERIES_SUCCEEDED), "delivered", None),
            // The schedule, or the end already reached, does not change.
            _ if attempt.trigger != Trigger::Automatic => (None, "failed", None),
            Verdict::Retry(delay) => (
                Some(&metrics::DELIVERIES_RETRIED),
                "retry",
                Some(ended.plus(delay).rfc3339()),
            ),
            Verdict::Dead(reason) => (
                Some(&metrics::DELIVERIES_DEAD_LETTERED),
                reason.as_str(),
                None,
            ),
        };
        if let Some(counter) = counter {
            counter.add(1);
        }
        if !self.attempts.has(verdict) {
            return;
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

    fn first_attempt_finished(&self, latency: Duration) {
        metrics::delivery_latency(latency);
    }

    fn message_rejected(&self, dead: &DeadLetter) {
        metrics::MESSAGES_REJECTED.add(1);
        count_undeliverable(dead);
        info("message.rejected", &about(dead));
    }

    fn message_unreadable(&self, message: &str, unread: &Fault) {
        metrics::MESSAGES_UNREADABLE.add(1);
        fault(
            "message.unreadable",
            unread,
            &json!({"message_id": message}),
        );
    }

    fn message_lost(&self, delivery: &Delivery) {
        let fields = json!({
            "tenant_id": delivery.tenant.as_str(),
            "delivery_id": delivery.id.to_string(),
            "messages_lost": delivery.lost.count,
        });
        write("WARN", "delivery.message_lost", &fields);
    }

    fn delivery_abandoned(&self, dead: &DeadLetter) {
        metrics::DELIVERIES_DEAD_LETTERED.add(1);
        count_undeliverable(dead);
        info("delivery.abandoned", &about(dead));
    }

    fn event_accepted(&self) {
        count_accepted(1);
    }

    fn slow_lane_changed(&self, webhook: &WebhookVersion, is_slow: bool) {
        let message = if is_slow {
            metrics::SLOW_LANE_ENTERED.add(1);
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

fn count_undeliverable(dead: &DeadLetter) {
    if dead.reason == Reason::Undeliverable {
        metrics::UNDELIVERABLE.add(1);
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
    fn the_log_of_failures_has_every_attempt_that_did_not_succeed() {
        let verdicts = [
            Verdict::Delivered,
            Verdict::Retry(Duration::ZERO),
            Verdict::Dead(Reason::Exhausted),
        ];
        let lines =
            |log: &str| verdicts.map(|verdict| log.parse::<AttemptLog>().unwrap().has(verdict));
        assert_eq!(lines("failures"), [false, true, true]);
        assert_eq!(lines("all"), [true; 3]);
        assert!("errors".parse::<AttemptLog>().is_err());
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
