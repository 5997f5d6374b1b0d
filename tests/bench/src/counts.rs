//! Counts that must not grow: requests and units of the main scenarios, compared with `limits.json`
//! and with the model of `make cost`. No times.
//!
//! A tenant's counter restarts each minute, so an HTTP scenario is measured within one minute.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Numbers;
use crate::run::{Measured, run};
use crate::scenario::{self, Door, Scenario};
use crate::stand::Stand;

/// How far the model may be from the counts: retries use whole batches, and counters count in tens.
const MODEL_MAY_MISS: f64 = 0.05;
/// Allows only for rounding of the sum.
const ROUNDING: f64 = 1e-6;

/// The scenarios, and how many events are enough.
const HELD: [(&str, usize); 10] = [
    ("sqs", 100),
    ("sqs-batch-1", 30),
    ("sqs-batch-100", 100),
    ("http-single", 212),
    ("http-10", 310),
    ("fanout-5", 50),
    ("8-kib", 30),
    ("1-percent-failing", 400),
    ("retries-of-25-webhooks", 2),
    ("own-contract", 200),
];

/// The counts per delivery.
fn counted(measured: &Measured) -> BTreeMap<&'static str, f64> {
    let usage = measured.usage();
    let functions_requests: u64 = measured
        .tally
        .calls
        .values()
        .map(|calls| calls.requests)
        .sum();
    let each = |count: f64| count / usage.deliveries;
    BTreeMap::from([
        ("requests of the functions", each(functions_requests as f64)),
        ("sqs requests, billed", each(usage.sqs_requests)),
        ("invocations", each(usage.invocations)),
        ("write units", each(usage.write_units)),
        ("read units", each(usage.read_units)),
    ])
}

/// The same counts from the model, if it knows the scenario.
fn modelled(scenario: &Scenario, events: u64) -> BTreeMap<&'static str, f64> {
    if scenario::COUNTED
        .iter()
        .any(|own| own.name == scenario.name)
    {
        return BTreeMap::new();
    }
    let usage = Numbers::of(scenario, events as f64).usage();
    let each = |count: f64| count / usage.deliveries;
    BTreeMap::from([
        ("sqs requests, billed", each(usage.sqs_requests)),
        ("invocations", each(usage.invocations)),
        ("write units", each(usage.write_units)),
        ("read units", each(usage.read_units)),
    ])
}

/// Waits for the next minute if little is left of this one.
async fn room_in_the_minute() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let second = since.unwrap_or_default().as_secs() % 60;
    if second >= 45 {
        tokio::time::sleep(Duration::from_secs(60 - second)).await;
    }
}

/// Counts caused by the clock and not by events: publish reads the row of a busy tenant once a
/// second.
fn by_the_clock(what: &str, measured: &Measured) -> f64 {
    let publishing = measured.functions.get("publish");
    match (what, publishing) {
        ("read units" | "requests of the functions", Some(publish)) => {
            (publish.busy_seconds.floor() + 1.0) / measured.usage().deliveries
        }
        _ => 0.0,
    }
}

/// Runs all scenarios and returns a line for each problem.
pub(crate) async fn check(stand: &Stand) -> Result<Vec<String>, String> {
    let limits: BTreeMap<String, BTreeMap<String, f64>> =
        serde_json::from_str(include_str!("../limits.json")).map_err(|e| e.to_string())?;
    let mut wrong = Vec::new();
    for (name, events) in HELD {
        let mut scenario = scenario::named(name).ok_or_else(|| format!("no scenario {name}"))?;
        scenario.events = events;
        if scenario.door != Door::Sqs {
            // Enough events of one tenant that its counter is written as for a busy one.
            scenario.tenants = 1;
            room_in_the_minute().await;
        }
        let measured = run(stand, &scenario)
            .await
            .map_err(|e| format!("{name}: {e}"))?;
        let counted = counted(&measured);
        println!(
            "{}",
            serde_json::json!({"scenario": name, "each delivery": &counted, "model": modelled(&scenario, measured.events)})
        );
        let model = modelled(&scenario, measured.events);
        for (what, value) in &counted {
            match limits.get(name).and_then(|limits| limits.get(*what)) {
                Some(limit) if *value <= limit + by_the_clock(what, &measured) + ROUNDING => {}
                Some(limit) => wrong.push(format!(
                    "{name}: {what}: {value:.4} for each delivery, more than {limit}"
                )),
                None => wrong.push(format!(
                    "{name}: {what}: {value:.4}, and limits.json says nothing of it"
                )),
            }
            if let Some(says) = model.get(what)
                && (says - value).abs() > MODEL_MAY_MISS * value
            {
                wrong.push(format!(
                    "{name}: {what}: counted {value:.4}, the model of `make cost` says {says:.4}"
                ));
            }
        }
    }
    Ok(wrong)
}
