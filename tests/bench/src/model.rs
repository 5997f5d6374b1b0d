//! A model of what events cost: for `make cost`, with an operator's own numbers. `bench counts`
//! compares it with the functions' real requests.

use crate::price::Usage;
use crate::run::requests;
use crate::scenario::{Door, Scenario};

/// The size of an event's item in the log in addition to the event's own JSON, and of each inline
/// delivery, in bytes. Names included.
const EVENT_ITEM: f64 = 120.0;
const DELIVERY_INSIDE: f64 = 190.0;
/// The items of a delivery, of an earlier attempt, of the tenant's row and of a webhook's.
const DELIVERY_ITEM: f64 = 640.0;
const TENANT_ROW: f64 = 490.0;
const WEBHOOK_ROW: f64 = 510.0;
/// Data larger than this is stored deflated, and then has this share of its size (JSON records, at
/// the fastest level).
const MAX_TEXT: f64 = 700.0;
const DEFLATED: f64 = 0.3;
/// The size of an event's JSON without its data.
const FRAME: f64 = 55.0;
/// A message with the key of a stored event or delivery.
const KEY_MESSAGE: usize = 100;

/// Estimates from the output of `make bench` on 2026-11-22, those of the log on 2026-11-28: CPU
/// seconds and bytes. `bench counts` checks the model's requests and units, not these.
const CPU_DELIVERY: f64 = 0.000_25;
const CPU_KIB: f64 = 0.000_004;
const CPU_PUBLISH: f64 = 0.000_4;
/// A failed attempt; one that succeeds has no line (`AttemptLog=failures`).
const LOG_LINE: f64 = 379.0;
/// The metrics of an invocation: of the dispatcher, of a delivery in it, and of publishing.
const LOG_DISPATCHED: f64 = 330.0;
const LOG_LATENCY: f64 = 4.0;
const LOG_PUBLISHED: f64 = 195.0;
const WIRE_BESIDE: f64 = 330.0;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) events: f64,
    pub(crate) webhooks: f64,
    /// The size of an event's JSON, in bytes.
    pub(crate) bytes: f64,
    pub(crate) latency_seconds: f64,
    /// The share of attempts that fail; each is retried until it succeeds.
    pub(crate) failing: f64,
    pub(crate) door: Door,
    /// Messages per invocation: ten under load, one if events are rare.
    pub(crate) batch: f64,
    /// The share of deliveries that need a new connection: connections are kept under load, and
    /// never if events are rare.
    pub(crate) new_connections: f64,
    /// The share of events whose tenant's key is not cached: each costs one KMS request, however
    /// many webhooks and headers the tenant has.
    pub(crate) new_tenants: f64,
}

impl Numbers {
    /// The numbers of a scenario.
    pub(crate) fn of(scenario: &Scenario, events: f64) -> Self {
        let share = |each: Option<u64>| each.map_or(0.0, |each| 1.0 / each as f64);
        Self {
            events,
            webhooks: scenario.webhooks as f64,
            bytes: scenario.payload as f64,
            latency_seconds: scenario.manner.delay.as_secs_f64(),
            failing: share(scenario.manner.failing_each),
            door: scenario.door,
            batch: scenario.batch as f64,
            new_connections: 1.0 / scenario.batch as f64,
            new_tenants: 0.0,
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let units = |bytes: f64, unit: f64| (bytes / unit).ceil().max(1.0);
        let (writes, reads) = (|bytes| units(bytes, 1024.0), |bytes| units(bytes, 4096.0));
        // Attempts per delivery, including the first.
        let retries = self.failing / (1.0 - self.failing);
        let snapshot = reads(TENANT_ROW + WEBHOOK_ROW * self.webhooks) / self.batch;
        let stored = if self.bytes - FRAME > MAX_TEXT {
            self.bytes * DEFLATED
        } else {
            self.bytes
        };
        let inside = stored + EVENT_ITEM + DELIVERY_INSIDE * self.webhooks;
        let alone = stored + EVENT_ITEM;
        let retried = self.webhooks * retries;
        let mut each = Usage {
            deliveries: self.webhooks * (1.0 + retries),
            invocations: (1.0 + retried) / self.batch,
            read_units: snapshot * (1.0 + retried),
            kms_requests: self.new_tenants,
            round_trips: self.new_tenants,
            write_units: 0.0,
            ..Usage::default()
        };
        let (message, own_items) = match self.door {
            Door::Sqs => {
                each.write_units += writes(inside);
                each.sqs_requests += self.billed(10.0, self.bytes as usize);
                each.stored_bytes += inside;
                (self.bytes as usize, 0.0)
            }
            Door::Http(per_request) => {
                let per_request = per_request as f64;
                each.gateway_requests += 1.0 / per_request;
                each.invocations += 1.0 / per_request;
                each.log_bytes += LOG_PUBLISHED / per_request;
                // The tenant's counter is written for every tenth event, and for every hundredth in
                // batches of ten and more.
                let counter = (0.1 / per_request).max(0.01);
                each.write_units += writes(alone) + self.webhooks * writes(DELIVERY_ITEM) + counter;
                each.read_units += reads(alone);
                each.sqs_requests += (per_request / 10.0).ceil() / per_request;
                each.stored_bytes += alone + self.webhooks * DELIVERY_ITEM;
                each.cpu_seconds += CPU_PUBLISH;
                each.round_trips += 2.0 / per_request;
                (KEY_MESSAGE, self.webhooks)
            }
        };
        // Received and deleted ten to a request, retries as well.
        each.sqs_requests +=
            self.billed(self.batch.min(10.0), message) + 1.0 / self.batch.min(10.0);
        each.sqs_requests += retried * (1.0 + 2.0 / self.batch.min(10.0));
        // A failure costs the delivery's own item and its index entry; then lease, earlier attempt
        // and outcome, and the entry is removed.
        let first_failures = self.webhooks * self.failing;
        each.write_units +=
            first_failures * if own_items > 0.0 { 1.0 } else { 2.0 } + retried * 4.0;
        each.read_units += retried * reads(alone);
        each.items = 1.0 + own_items + first_failures;
        each.round_trips += if own_items > 0.0 { 3.0 } else { 2.0 } / self.batch;
        each.cpu_seconds += each.deliveries * (CPU_DELIVERY + CPU_KIB * self.bytes / 1024.0);
        each.busy_seconds = each.cpu_seconds + (1.0 + retried) / self.batch * self.latency_seconds;
        let dispatched = (1.0 + retried) / self.batch;
        each.log_bytes +=
            retried * LOG_LINE + dispatched * LOG_DISPATCHED + each.deliveries * LOG_LATENCY;
        each.log_lines = retried + each.invocations;
        each.wire_bytes = each.deliveries * (self.bytes + WIRE_BESIDE);
        each.connections = each.deliveries * self.new_connections;
        each.times(self.events)
    }

    /// SQS requests per event if this many share a request.
    fn billed(&self, together: f64, bytes: usize) -> f64 {
        requests((0..together as usize).map(|_| bytes)).1 as f64 / together
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPICAL: Numbers = Numbers {
        events: 1e6,
        webhooks: 1.0,
        bytes: 512.0,
        latency_seconds: 0.2,
        failing: 0.0,
        door: Door::Sqs,
        batch: 10.0,
        new_connections: 0.1,
        new_tenants: 0.0,
    };

    #[test]
    fn the_happy_path_by_sqs_is_one_write_and_three_tenths_of_a_request() {
        let usage = TYPICAL.usage();
        assert_eq!(usage.write_units, 1e6);
        assert!((usage.sqs_requests - 0.3e6).abs() < 1.0, "{usage:?}");
        assert!((usage.invocations - 0.1e6).abs() < 1.0);
    }

    /// Bytes of a delivery as counted by the bench.
    #[test]
    fn the_log_has_a_line_for_each_invocation_and_each_failure() {
        let of = |numbers: Numbers| {
            let usage = numbers.usage();
            usage.log_bytes / numbers.events
        };
        let batch_1 = Numbers {
            batch: 1.0,
            ..TYPICAL
        };
        let single = Numbers {
            door: Door::Http(1),
            ..TYPICAL
        };
        for (numbers, counted) in [(TYPICAL, 36.5), (batch_1, 337.1), (single, 229.6)] {
            let told = of(numbers);
            assert!((told - counted).abs() < counted * 0.05, "{told} {counted}");
        }
        assert!(TYPICAL.usage().log_lines < 0.11e6);
    }

    #[test]
    fn kms_is_paid_by_tenants_not_by_webhooks() {
        let kms = |webhooks: f64| {
            let numbers = Numbers {
                webhooks,
                new_tenants: 0.1,
                ..TYPICAL
            };
            numbers.usage().kms_requests
        };
        assert!((kms(1.0) - 1e5).abs() < 1.0);
        assert!((kms(25.0) - 1e5).abs() < 1.0);
    }

    #[test]
    fn everything_that_makes_work_costs_more() {
        let total = |numbers: Numbers| {
            let (bill, storage) = crate::price::Prices::read().unwrap().bill(&numbers.usage());
            bill.values().sum::<f64>() + storage
        };
        let usual = total(TYPICAL);
        for dearer in [
            Numbers {
                webhooks: 2.0,
                ..TYPICAL
            },
            Numbers {
                bytes: 4096.0,
                ..TYPICAL
            },
            Numbers {
                latency_seconds: 1.0,
                ..TYPICAL
            },
            Numbers {
                failing: 0.01,
                ..TYPICAL
            },
            Numbers {
                door: Door::Http(1),
                ..TYPICAL
            },
            Numbers {
                batch: 1.0,
                ..TYPICAL
            },
            Numbers {
                new_connections: 1.0,
                ..TYPICAL
            },
            Numbers {
                new_tenants: 0.1,
                ..TYPICAL
            },
        ] {
            assert!(total(dearer) > usual, "{dearer:?}");
        }
    }
}
