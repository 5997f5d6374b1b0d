//! Metrics in CloudWatch's embedded metric format: JSON lines on standard output, from which
//! CloudWatch reads the values (Amazon CloudWatch User Guide,
//! `CloudWatch_Embedded_Metric_Format_Specification.html`).
//!
//! Counters are written once for each invocation and never per tenant: every distinct set of
//! dimensions is a metric that is billed. The stack is the only dimension, so that two stacks of a
//! region do not add up in one metric.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::now;
use crate::settings::optional;
use crate::telemetry::line;

/// CloudWatch rejects a dimension without a value.
static STACK: LazyLock<String> =
    LazyLock::new(|| optional(crate::env::STACK).unwrap_or_else(|| "postel".to_owned()));

/// A number that grows during an invocation.
pub(crate) struct Counter {
    name: &'static str,
    number: AtomicU64,
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            number: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, number: u64) {
        self.number.fetch_add(number, Ordering::Relaxed);
    }

    /// The number since the last flush, if it is not zero.
    fn take(&self) -> Option<Metric> {
        let number = self.number.swap(0, Ordering::Relaxed);
        (number > 0).then(|| (self.name, "Count", number.into()))
    }
}

pub(crate) static EVENTS_ACCEPTED: Counter = Counter::new("EventsAccepted");
pub(crate) static DELIVERIES_SUCCEEDED: Counter = Counter::new("DeliveriesSucceeded");
pub(crate) static DELIVERIES_RETRIED: Counter = Counter::new("DeliveriesRetried");
pub(crate) static DELIVERIES_DEAD_LETTERED: Counter = Counter::new("DeliveriesDeadLettered");
pub(crate) static MESSAGES_REJECTED: Counter = Counter::new("MessagesRejected");
pub(crate) static MESSAGES_UNREADABLE: Counter = Counter::new("MessagesUnreadable");
pub(crate) static UNDELIVERABLE: Counter = Counter::new("DeadLettersUndeliverable");
pub(crate) static SLOW_LANE_ENTERED: Counter = Counter::new("WebhooksEnteredSlowLane");

static COUNTERS: [&Counter; 8] = [
    &EVENTS_ACCEPTED,
    &DELIVERIES_SUCCEEDED,
    &DELIVERIES_RETRIED,
    &DELIVERIES_DEAD_LETTERED,
    &MESSAGES_REJECTED,
    &MESSAGES_UNREADABLE,
    &UNDELIVERABLE,
    &SLOW_LANE_ENTERED,
];

/// A name, a unit of CloudWatch, and one value or a list of them.
type Metric = (&'static str, &'static str, Value);

/// The maximum number of values of a metric in one line (the format's specification).
const MAX_VALUES: usize = 100;

/// The delivery latencies since the last flush, in milliseconds. As a list, not as an average:
/// CloudWatch then knows their percentiles.
static LATENCIES: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn latencies() -> MutexGuard<'static, Vec<u64>> {
    LATENCIES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn delivery_latency(latency: Duration) {
    latencies().push(u64::try_from(latency.as_millis()).unwrap_or(u64::MAX));
}

/// Writes what was counted since the last flush, if anything was. Called at the end of each
/// invocation.
pub(crate) fn flush() {
    let mut counted: Vec<Metric> = COUNTERS.iter().filter_map(|one| one.take()).collect();
    let values = std::mem::take(&mut *latencies());
    for values in values.chunks(MAX_VALUES) {
        counted.push(("DeliveryLatency", "Milliseconds", values.into()));
        metrics(&std::mem::take(&mut counted));
    }
    if !counted.is_empty() {
        metrics(&counted);
    }
}

/// A stored row that cannot be read. Written at once, since this is rare.
pub(crate) fn row_unreadable() {
    metrics(&[("RowsUnreadable", "Count", 1.into())]);
}

/// A fault of KMS. Written at once: not every function that encrypts counts anything else.
pub(crate) fn kms_fault() {
    metrics(&[("KmsFaults", "Count", 1.into())]);
}

/// The result of a sweep. Zeros are written too: a sweep that found nothing is the proof that the
/// sweeper runs.
pub(crate) fn swept(oldest_due: Duration, lost: u32) {
    metrics(&[
        ("OldestDueAge", "Seconds", oldest_due.as_secs().into()),
        ("LostDeliveriesFound", "Count", lost.into()),
    ]);
}

fn metrics(counted: &[Metric]) {
    line(&metrics_line(counted, &STACK));
}

fn metrics_line(counted: &[Metric], stack: &str) -> Map<String, Value> {
    let names: Vec<_> = counted
        .iter()
        .map(|(name, unit, _)| json!({"Name": name, "Unit": unit}))
        .collect();
    let mut emf = Map::new();
    emf.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now().millis(),
            "CloudWatchMetrics": [{"Namespace": "Postel", "Dimensions": [["Stack"]], "Metrics": names}],
        }),
    );
    emf.extend(
        counted
            .iter()
            .map(|(name, _, value)| ((*name).to_owned(), value.clone())),
    );
    emf.insert("Stack".to_owned(), stack.into());
    emf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_declares_each_metric_with_its_unit_and_has_its_value() {
        let line = metrics_line(
            &[
                ("EventsAccepted", "Count", 2.into()),
                ("DeliveryLatency", "Milliseconds", json!([7, 31_000])),
            ],
            "postel-test",
        );
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["Stack"]]));
        assert_eq!(
            directive["Metrics"],
            json!([
                {"Name": "EventsAccepted", "Unit": "Count"},
                {"Name": "DeliveryLatency", "Unit": "Milliseconds"},
            ])
        );
        assert_eq!(
            (&line["EventsAccepted"], &line["DeliveryLatency"]),
            (&json!(2), &json!([7, 31_000]))
        );
        assert_eq!(line["Stack"], "postel-test");
    }

    #[test]
    fn a_counter_is_written_once_and_not_while_it_is_zero() {
        static COUNTER: Counter = Counter::new("Something");
        assert!(COUNTER.take().is_none());
        COUNTER.add(2);
        COUNTER.add(1);
        assert_eq!(COUNTER.take(), Some(("Something", "Count", 3.into())));
        assert!(COUNTER.take().is_none());
    }
}
