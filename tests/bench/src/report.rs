//! Results of runs: medians, and a JSON line and a table row for each scenario.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::Serialize;

use crate::price::{Prices, SERVICES};
use crate::run::Measured;

/// The medians of a scenario's runs.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) scenario: String,
    pub(crate) runs: usize,
    pub(crate) deliveries: f64,
    pub(crate) deliveries_per_second: f64,
    /// CPU seconds for 1,000 deliveries, by function.
    pub(crate) cpu_per_1000: BTreeMap<String, f64>,
    pub(crate) peak_mib: BTreeMap<String, f64>,
    /// Requests per delivery by kind, as AWS counts them: the functions' requests, the event source
    /// mapping's, invocations, the gateway.
    pub(crate) requests: BTreeMap<String, f64>,
    pub(crate) write_units: f64,
    pub(crate) index_units: f64,
    pub(crate) read_units: f64,
    /// Bytes per delivery: to the receiver, to AWS, to the log, in the table.
    pub(crate) bytes: BTreeMap<&'static str, f64>,
    pub(crate) connections: f64,
    /// USD for a million deliveries by service, and their sum; the month's storage separately.
    pub(crate) usd: BTreeMap<&'static str, f64>,
    pub(crate) usd_in_all: f64,
    pub(crate) usd_storage: f64,
}

pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Figures {
    pub(crate) fn of(name: &str, runs: &[Measured], prices: &Prices) -> Self {
        let over = |f: &dyn Fn(&Measured) -> f64| median(runs.iter().map(f).collect());
        let each =
            |f: &dyn Fn(&Measured) -> f64| over(&|run: &Measured| f(run) / run.deliveries as f64);
        let functions: Vec<String> = runs
            .iter()
            .flat_map(|run| run.functions.keys().cloned())
            .collect();
        let by_function = |f: &dyn Fn(&Measured, &str) -> f64| -> BTreeMap<String, f64> {
            functions
                .iter()
                .map(|name| (name.clone(), over(&|run: &Measured| f(run, name))))
                .collect()
        };
        let usd = SERVICES
            .into_iter()
            .map(|service| {
                (
                    service,
                    over(&|run: &Measured| prices.bill(&run.usage().for_a_million()).0[service]),
                )
            })
            .collect::<BTreeMap<_, _>>();
        Self {
            scenario: name.to_owned(),
            runs: runs.len(),
            deliveries: over(&|run| run.deliveries as f64),
            deliveries_per_second: over(&|run| run.deliveries as f64 / run.seconds),
            cpu_per_1000: by_function(&|run, name| {
                run.functions[name].cpu_seconds * 1000.0 / run.deliveries as f64
            }),
            peak_mib: by_function(&|run, name| run.functions[name].peak_mib),
            requests: runs.first().map(requests).unwrap_or_default(),
            write_units: each(&|run| run.tally.total().write),
            index_units: each(&|run| run.tally.total().index),
            read_units: each(&|run| run.tally.total().read),
            bytes: BTreeMap::from([
                ("receiver", each(&|run| run.wire_bytes as f64)),
                (
                    "aws",
                    each(&|run| {
                        run.tally
                            .calls
                            .values()
                            .map(|calls| calls.sent as f64)
                            .sum()
                    }),
                ),
                (
                    "log",
                    each(&|run| {
                        run.functions
                            .values()
                            .map(|share| share.log_bytes as f64)
                            .sum()
                    }),
                ),
                ("stored", each(&|run| run.stored_bytes)),
            ]),
            connections: each(&|run| run.connections as f64),
            usd_in_all: over(&|run| prices.bill(&run.usage().for_a_million()).0.values().sum()),
            usd_storage: over(&|run| prices.bill(&run.usage().for_a_million()).1),
            usd,
        }
    }
}

/// Requests per delivery, by kind.
pub(crate) fn requests(run: &Measured) -> BTreeMap<String, f64> {
    let mut found: BTreeMap<String, u64> = run
        .tally
        .calls
        .iter()
        .map(|(kind, calls)| (kind.clone(), calls.requests))
        .collect();
    found.insert("sqs receive".to_owned(), run.queues.receives);
    found.insert("sqs delete".to_owned(), run.queues.deletes);
    found.insert("sqs send by the tenant".to_owned(), run.queues.sends);
    found.insert("gateway".to_owned(), run.gateway_requests);
    for (name, share) in &run.functions {
        found.insert(format!("invoke {name}"), share.invocations);
    }
    let each = |count: u64| count as f64 / run.deliveries.max(1) as f64;
    found
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind, each(count)))
        .collect()
}

/// The machine, in a line.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |name: &str| {
        info.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split(": ").nth(1))
            .unwrap_or("?")
            .to_owned()
    };
    let cores = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc")
        .arg("-V")
        .output()
        .map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    format!(
        "{} (family {}, model {}), {cores} cores, Linux {}, {}",
        of("model name"),
        of("cpu family"),
        of("model\t"),
        kernel.trim(),
        rustc.unwrap_or_else(|_| "rustc ?".to_owned())
    )
}

pub(crate) fn heads() -> String {
    let mut line = format!(
        "| {:<20} | {:>7} | {:>10} | {:>9} | {:>7} | {:>7} | {:>6} | {:>6} | {:>8} |",
        "scenario",
        "deliv/s",
        "dispatcher",
        "publish",
        "MiB",
        "AWS req",
        "writes",
        "reads",
        "bytes out"
    );
    for service in SERVICES {
        line += &format!(" {service:>7} |");
    }
    line + &format!(" {:>7} | {:>7} |", "USD", "storage")
}

/// A scenario's row.
pub(crate) fn line(figures: &Figures) -> String {
    let cpu = |name: &str| {
        figures
            .cpu_per_1000
            .get(name)
            .map_or_else(String::new, |cpu| format!("{cpu:.3}"))
    };
    let peak = figures.peak_mib.values().copied().fold(0.0, f64::max);
    let requests: f64 = figures.requests.values().sum();
    let mut line = format!(
        "| {:<20} | {:>7.0} | {:>10} | {:>9} | {:>7.1} | {:>7.2} | {:>6.2} | {:>6.2} | {:>9.0} |",
        figures.scenario,
        figures.deliveries_per_second,
        cpu("dispatcher"),
        cpu("publish"),
        peak,
        requests,
        figures.write_units + figures.index_units,
        figures.read_units,
        figures.bytes["receiver"]
    );
    for service in SERVICES {
        line += &format!(" {:>7.3} |", figures.usd[service]);
    }
    line + &format!(
        " {:>7.2} | {:>7.2} |",
        figures.usd_in_all, figures.usd_storage
    )
}
