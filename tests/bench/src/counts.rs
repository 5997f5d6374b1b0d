//! What must not grow: requests and units of the main scenarios, held against `limits.json` and against the model of `make cost`. No times.
//!
//! By HTTP the limits leave room for a minute that ends within the run: a tenant's counter begins again with each.

use std::collections::BTreeMap;

use crate::model::Numbers;
use crate::run::{Measured, run};
use crate::scenario::{self, Door, Scenario};
use crate::stand::Stand;

/// How far the model may be from what was counted: retries fall on whole batches, counters on whole tens.
const MODEL_MAY_MISS: f64 = 0.05;
/// Nothing but a rounding of the sum.
const ROUNDING: f64 = 1e-6;

/// The scenarios, and how many events are enough.
const HELD: [(&str, usize); 8] = [
    ("sqs", 100),
    ("sqs-batch-1", 30),
    ("sqs-batch-100", 100),
    ("http-single", 201),
    ("http-10", 210),
    ("fanout-5", 50),
    ("8-kib", 30),
    ("1-percent-failing", 400),
];

/// What is held, for each delivery.
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

/// What the model says of the same.
fn modelled(scenario: &Scenario, events: u64) -> BTreeMap<&'static str, f64> {
    let usage = Numbers::of(scenario, events as f64).usage();
    let each = |count: f64| count / usage.deliveries;
    BTreeMap::from([
        ("sqs requests, billed", each(usage.sqs_requests)),
        ("invocations", each(usage.invocations)),
        ("write units", each(usage.write_units)),
        ("read units", each(usage.read_units)),
    ])
}

/// Runs all, and answers what is wrong, a line for each.
pub(crate) async fn check(stand: &Stand) -> Result<Vec<String>, String> {
    let limits: BTreeMap<String, BTreeMap<String, f64>> =
        serde_json::from_str(include_str!("../limits.json")).map_err(|e| e.to_string())?;
    let mut wrong = Vec::new();
    for (name, events) in HELD {
        let mut scenario = scenario::named(name).ok_or_else(|| format!("no scenario {name}"))?;
        scenario.events = events;
        if scenario.door == Door::Http(1) {
            // So many of one tenant that its counter is written as for a busy one.
            scenario.tenants = 1;
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
                Some(limit) if *value <= limit + ROUNDING => {}
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
