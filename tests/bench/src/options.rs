//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::Numbers;
use crate::scenario::Door;

pub(crate) const USAGE: &str = "bench run     [--binaries DIR] [--runs N] [--only NAME,NAME] [--json FILE]   scenarios: throughput, processor, requests, USD
bench start   [--binaries DIR] [--runs N] [--json FILE]                      start-up and size of each function
bench counts  [--binaries DIR]                                               for the gate: have requests or units grown?
bench calls   [--binaries DIR] --only NAME [--events N] [--bytes N] [--batch N]  one scenario's counts as JSON
bench limits                                                                 where a growing load meets a limit, as a table
bench cost    [--events N] [--webhooks N] [--bytes N] [--latency-ms N] [--failing PERCENT] [--door sqs|http] [--each N] [--batch N] [--new-connections PERCENT] [--new-tenants PERCENT]
              the bill of so many events; --each: events in an HTTP request, --batch: messages in an invocation;
              --new-tenants: events of tenants that the process has not seen for five minutes";

pub(crate) struct Options {
    pub(crate) binaries: PathBuf,
    pub(crate) runs: usize,
    pub(crate) only: Vec<String>,
    pub(crate) json: Option<PathBuf>,
    given: BTreeMap<String, String>,
}

impl Options {
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let name = name
                .strip_prefix("--")
                .filter(|name| USAGE.contains(&format!("--{name} ")))
                .ok_or(USAGE)?;
            given.insert(name.to_owned(), arguments.next().ok_or(USAGE)?);
        }
        let text = |name: &str| given.get(name).cloned();
        let runs = text("runs")
            .map_or(Ok(5), |text| text.parse())
            .map_err(|_| "--runs takes a number")?;
        Ok(Self {
            binaries: text("binaries")
                .map_or_else(|| PathBuf::from("target/release"), PathBuf::from),
            runs,
            only: text("only")
                .map(|names| names.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            json: text("json").map(PathBuf::from),
            given,
        })
    }

    /// The value of a numeric option.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.given.get(name)?.parse().ok()
    }

    /// An operator's numbers, with defaults for missing options.
    pub(crate) fn numbers(&self) -> Result<Numbers, String> {
        let or = |name: &str, usual: f64| self.number(name).unwrap_or(usual);
        let door = match self.given.get("door").map(String::as_str) {
            None | Some("sqs") => Door::Sqs,
            Some("http") => Door::Http(or("each", 1.0) as usize),
            Some(_) => return Err(USAGE.to_owned()),
        };
        let numbers = Numbers {
            events: or("events", 1e6),
            webhooks: or("webhooks", 1.0),
            bytes: or("bytes", 512.0),
            latency_seconds: or("latency-ms", 200.0) / 1000.0,
            failing: or("failing", 0.0) / 100.0,
            door,
            batch: or("batch", 10.0),
            // One per invocation.
            new_connections: or("new-connections", 100.0 / or("batch", 10.0)) / 100.0,
            new_tenants: or("new-tenants", 0.0) / 100.0,
        };
        let fits = numbers.events > 0.0
            && numbers.webhooks >= 1.0
            && numbers.batch >= 1.0
            && (0.0..0.9).contains(&numbers.failing)
            && (0.0..=1.0).contains(&numbers.new_tenants);
        let fits = fits && (0.0..=262_144.0).contains(&numbers.bytes) && door != Door::Http(0);
        if fits {
            Ok(numbers)
        } else {
            Err(USAGE.to_owned())
        }
    }
}
