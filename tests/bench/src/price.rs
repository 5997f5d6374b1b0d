//! Converts counts to dollars, with a table of prices that has a date and sources.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::run::Measured;

/// `prices.json`.
#[derive(Deserialize)]
pub(crate) struct Prices {
    pub(crate) date: String,
    pub(crate) region: String,
    prices: BTreeMap<String, Price>,
    assumptions: BTreeMap<String, Assumption>,
    pub(crate) idle: Vec<Idle>,
    pub(crate) flood: Flood,
    unconfirmed: BTreeMap<String, Price>,
}

/// The cost of a month without events.
#[derive(Deserialize)]
pub(crate) struct Idle {
    pub(crate) what: String,
    usd: f64,
    number: f64,
}

/// A flood of wrong keys at the rate that the gateway passes on to the authorizer.
#[derive(Deserialize)]
pub(crate) struct Flood {
    pub(crate) routes: f64,
    pub(crate) requests_per_second: f64,
    authorizer_ms: f64,
}

impl Idle {
    pub(crate) fn usd(&self) -> f64 {
        self.usd * self.number
    }
}

#[derive(Deserialize)]
struct Price {
    usd: f64,
}

#[derive(Deserialize)]
struct Assumption {
    value: f64,
}

/// The items of a bill, in the order of the tables. Storage is separate: it is paid per month of
/// retention, not for sending.
pub(crate) const SERVICES: [&str; 8] = [
    "gateway", "lambda", "sqs", "writes", "reads", "kms", "logs", "egress",
];

/// Everything that is billed, from the bench or from the model of `make cost`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) gateway_requests: f64,
    pub(crate) invocations: f64,
    /// The total time of all invocations, including CPU time at the bench machine's speed.
    pub(crate) busy_seconds: f64,
    pub(crate) cpu_seconds: f64,
    /// AWS calls that follow one another.
    pub(crate) round_trips: f64,
    pub(crate) sqs_requests: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    pub(crate) kms_requests: f64,
    pub(crate) log_bytes: f64,
    pub(crate) log_lines: f64,
    pub(crate) deliveries: f64,
    pub(crate) wire_bytes: f64,
    pub(crate) connections: f64,
    pub(crate) stored_bytes: f64,
    pub(crate) items: f64,
}

impl Prices {
    pub(crate) fn read() -> Result<Self, String> {
        serde_json::from_str(include_str!("../prices.json")).map_err(|e| e.to_string())
    }

    fn usd(&self, name: &str) -> f64 {
        self.prices.get(name).map_or(f64::NAN, |price| price.usd)
    }

    /// The additional cost of fair queues if a third party's claim is right.
    pub(crate) fn grouped(&self, usage: &Usage) -> f64 {
        let each = self
            .unconfirmed
            .get("sqs_grouped_million_requests")
            .map_or(f64::NAN, |price| price.usd);
        usage.sqs_requests / 1e6 * each
    }

    /// The cost of a day of wrong keys.
    pub(crate) fn flood_day(&self) -> f64 {
        let requests = self.flood.routes * self.flood.requests_per_second * 86_400.0;
        let seconds = self.flood.authorizer_ms / 1000.0;
        let gigabytes = self.assumed("memory_mb") / 1024.0;
        let each = self.usd("lambda_million_requests") / 1e6
            + seconds * gigabytes * self.usd("lambda_gb_second_arm64");
        requests * each
    }

    pub(crate) fn assumed(&self, name: &str) -> f64 {
        self.assumptions
            .get(name)
            .map_or(f64::NAN, |assumption| assumption.value)
    }

    /// USD by service, and the month's storage.
    pub(crate) fn bill(&self, usage: &Usage) -> (BTreeMap<&'static str, f64>, f64) {
        const MILLION: f64 = 1e6;
        const GB: f64 = 1e9;
        // CPU time is longer where Lambda gives a share of a processor.
        let slower = self.assumed("vcpu_mb") / self.assumed("memory_mb") - 1.0;
        let seconds = usage.busy_seconds
            + usage.cpu_seconds * slower
            + usage.round_trips * self.assumed("aws_call_ms") / 1000.0;
        let duration =
            seconds * self.assumed("memory_mb") / 1024.0 * self.usd("lambda_gb_second_arm64");
        let logged = usage.log_bytes
            + usage.log_lines * self.assumed("log_line_overhead_bytes")
            + usage.invocations * self.assumed("platform_log_bytes");
        let bill = BTreeMap::from([
            (
                "gateway",
                usage.gateway_requests / MILLION * self.usd("gateway_million_requests"),
            ),
            (
                "lambda",
                usage.invocations / MILLION * self.usd("lambda_million_requests") + duration,
            ),
            (
                "sqs",
                usage.sqs_requests / MILLION * self.usd("sqs_million_requests"),
            ),
            (
                "writes",
                usage.write_units / MILLION * self.usd("dynamodb_million_write_units"),
            ),
            (
                "reads",
                usage.read_units / MILLION * self.usd("dynamodb_million_read_units"),
            ),
            (
                "kms",
                usage.kms_requests / MILLION * self.usd("kms_million_requests"),
            ),
            ("logs", logged / GB * self.usd("logs_gb")),
            ("egress", self.outgoing(usage) / GB * self.usd("egress_gb")),
        ]);
        // An item counts a hundred bytes more than its size (DynamoDB pricing, "Storage").
        let stored = (usage.stored_bytes + 100.0 * usage.items) / GB;
        let month = self.usd("dynamodb_gb_month") + self.usd("dynamodb_recovery_gb_month");
        let storage = stored * month * self.assumed("retention_months");
        (bill, storage)
    }

    /// Bytes to the internet: the data sent, TLS, and the packets' headers.
    fn outgoing(&self, usage: &Usage) -> f64 {
        let bytes = usage.wire_bytes
            + usage.connections * self.assumed("tls_handshake_bytes")
            + usage.deliveries * self.assumed("tls_request_bytes");
        let segments = bytes / self.assumed("segment_bytes") + usage.deliveries;
        // An acknowledgement for the response, and the overhead of a connection.
        let packets =
            segments + usage.deliveries + usage.connections * self.assumed("connection_packets");
        bytes + packets * self.assumed("packet_bytes")
    }
}

impl Measured {
    pub(crate) fn usage(&self) -> Usage {
        let units = self.tally.total();
        let shares = || self.functions.values();
        let trips = |name: &str, calls: f64| {
            self.functions
                .get(name)
                .map_or(0.0, |share| share.invocations as f64 * calls)
        };
        // The dispatcher reads the snapshot, then writes the event; for an event over HTTP it also
        // reads the event. Publishing writes, then sends.
        let of_dispatcher = if self.gateway_requests > 0 { 3.0 } else { 2.0 };
        Usage {
            gateway_requests: self.gateway_requests as f64,
            invocations: shares().map(|share| share.invocations as f64).sum(),
            busy_seconds: shares().map(|share| share.busy_seconds).sum(),
            cpu_seconds: shares().map(|share| share.cpu_seconds).sum(),
            round_trips: trips("dispatcher", of_dispatcher) + trips("publish", 2.0),
            sqs_requests: (self.queues.sends
                + self.queues.receives
                + self.queues.deletes
                + self.tally.billed("sqs ")) as f64,
            write_units: units.write + units.index,
            read_units: units.read,
            kms_requests: self.tally.requests("kms ") as f64,
            log_bytes: shares().map(|share| share.log_bytes as f64).sum(),
            log_lines: shares().map(|share| share.log_lines as f64).sum(),
            deliveries: self.deliveries as f64,
            wire_bytes: self.wire_bytes as f64,
            connections: self.connections as f64,
            stored_bytes: self.stored_bytes,
            items: self.items as f64,
        }
    }
}

impl Usage {
    /// The usage of a million deliveries.
    pub(crate) fn for_a_million(&self) -> Self {
        self.times(1e6 / self.deliveries.max(1.0))
    }

    /// The usage multiplied by a factor.
    pub(crate) fn times(&self, each: f64) -> Self {
        Self {
            gateway_requests: self.gateway_requests * each,
            invocations: self.invocations * each,
            busy_seconds: self.busy_seconds * each,
            cpu_seconds: self.cpu_seconds * each,
            round_trips: self.round_trips * each,
            sqs_requests: self.sqs_requests * each,
            write_units: self.write_units * each,
            read_units: self.read_units * each,
            kms_requests: self.kms_requests * each,
            log_bytes: self.log_bytes * each,
            log_lines: self.log_lines * each,
            deliveries: self.deliveries * each,
            wire_bytes: self.wire_bytes * each,
            connections: self.connections * each,
            stored_bytes: self.stored_bytes * each,
            items: self.items * each,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_and_assumption_that_a_bill_asks_for_stands_in_the_file() {
        let all = Usage {
            gateway_requests: 1.0,
            invocations: 1.0,
            busy_seconds: 1.0,
            cpu_seconds: 1.0,
            round_trips: 1.0,
            sqs_requests: 1.0,
            write_units: 1.0,
            read_units: 1.0,
            kms_requests: 1.0,
            log_bytes: 1.0,
            log_lines: 1.0,
            deliveries: 1.0,
            wire_bytes: 1.0,
            connections: 1.0,
            stored_bytes: 1.0,
            items: 1.0,
        };
        let (bill, storage) = Prices::read().unwrap().bill(&all);
        assert_eq!(bill.len(), SERVICES.len());
        for service in SERVICES {
            assert!(bill[service] > 0.0, "{service}: {}", bill[service]);
        }
        assert!(storage > 0.0);
    }

    #[test]
    fn keeping_a_gigabyte_for_a_month_costs_its_storage_and_its_recovery() {
        let usage = Usage {
            stored_bytes: 1e9,
            ..Usage::default()
        };
        let (_, storage) = Prices::read().unwrap().bill(&usage);
        assert!((storage - 0.45).abs() < 1e-9, "{storage}");
    }

    #[test]
    fn an_idle_stack_and_a_flood_cost_what_the_page_says() {
        let prices = Prices::read().unwrap();
        let idle: f64 = prices.idle.iter().map(Idle::usd).sum();
        let flood = prices.flood_day();
        let page = include_str!("../../../docs/costs.md");
        // A line break may be inside.
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for told in [
            format!("A stack costs {idle:.2} USD a month"),
            format!("{flood:.0} USD a day"),
        ] {
            assert!(page.contains(&told), "docs/costs.md does not say: {told}");
        }
    }

    #[test]
    fn a_million_writes_and_sends_cost_what_the_page_says() {
        let usage = Usage {
            write_units: 1e6,
            sqs_requests: 1e6,
            gateway_requests: 1e6,
            ..Usage::default()
        };
        let (bill, _) = Prices::read().unwrap().bill(&usage);
        let total: f64 = bill.values().sum();
        assert!((total - (0.625 + 0.40 + 1.00)).abs() < 1e-9, "{bill:?}");
    }
}
