//! The measured scenarios.

use std::time::Duration;

use crate::receiver::ReceiverBehaviour;

/// The path on which events are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Directly to the queue, ten to a request.
    Sqs,
    /// Over HTTP, this many to a request.
    Http(usize),
}

/// One row of the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) door: Door,
    /// Messages of one invocation.
    pub(crate) batch: usize,
    pub(crate) webhooks: usize,
    /// The size of an event's JSON, in bytes.
    pub(crate) payload: usize,
    pub(crate) manner: ReceiverBehaviour,
    /// Whether the webhooks have a contract of the operator's own.
    pub(crate) own_contract: bool,
    pub(crate) timeout_seconds: u32,
    /// The events of one batch belong to one tenant. With several tenants, batches alternate; from
    /// 1,000 tenants on, each event belongs to another tenant.
    pub(crate) tenants: usize,
    pub(crate) events: usize,
    /// Deliveries that are in the log beforehand.
    pub(crate) logged: usize,
}

const PLAIN: Scenario = Scenario {
    name: "",
    door: Door::Sqs,
    batch: 10,
    webhooks: 1,
    payload: 512,
    manner: ReceiverBehaviour {
        delay: Duration::ZERO,
        failing_each: None,
        hanging_each: None,
        failing_once: false,
        answer_bytes: None,
        closing: false,
    },
    own_contract: false,
    timeout_seconds: 30,
    tenants: 1,
    events: 10_000,
    logged: 0,
};

const fn slow(millis: u64) -> ReceiverBehaviour {
    ReceiverBehaviour {
        delay: Duration::from_millis(millis),
        ..PLAIN.manner
    }
}

const KIB: usize = 1024;

/// All scenarios. For the HTTP API: no tenant may publish more than a thousand events a minute.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "sqs",
        ..PLAIN
    },
    Scenario {
        name: "sqs-batch-1",
        batch: 1,
        events: 3_000,
        ..PLAIN
    },
    Scenario {
        name: "sqs-batch-100",
        batch: 100,
        ..PLAIN
    },
    Scenario {
        name: "http-single",
        door: Door::Http(1),
        tenants: 40,
        events: 8_000,
        ..PLAIN
    },
    Scenario {
        name: "http-10",
        door: Door::Http(10),
        tenants: 20,
        ..PLAIN
    },
    Scenario {
        name: "http-100",
        door: Door::Http(100),
        tenants: 20,
        ..PLAIN
    },
    Scenario {
        name: "fanout-5",
        webhooks: 5,
        events: 3_000,
        ..PLAIN
    },
    Scenario {
        name: "fanout-25",
        webhooks: 25,
        events: 1_000,
        ..PLAIN
    },
    Scenario {
        name: "8-kib",
        payload: 8 * KIB,
        events: 5_000,
        ..PLAIN
    },
    Scenario {
        name: "64-kib",
        payload: 64 * KIB,
        events: 1_000,
        ..PLAIN
    },
    Scenario {
        name: "64-kib-batch-100",
        batch: 100,
        payload: 64 * KIB,
        events: 1_000,
        ..PLAIN
    },
    Scenario {
        name: "256-kib",
        payload: 255 * KIB,
        events: 300,
        ..PLAIN
    },
    Scenario {
        name: "receiver-100-ms",
        manner: slow(100),
        events: 500,
        ..PLAIN
    },
    Scenario {
        name: "receiver-200-ms",
        manner: slow(200),
        events: 500,
        ..PLAIN
    },
    Scenario {
        name: "receiver-1000-ms",
        manner: slow(1000),
        events: 100,
        ..PLAIN
    },
    Scenario {
        name: "http-single-200-ms",
        door: Door::Http(1),
        manner: slow(200),
        tenants: 5,
        events: 500,
        ..PLAIN
    },
    Scenario {
        name: "http-10-200-ms",
        door: Door::Http(10),
        manner: slow(200),
        events: 500,
        ..PLAIN
    },
    Scenario {
        name: "closing",
        manner: ReceiverBehaviour {
            closing: true,
            ..PLAIN.manner
        },
        ..PLAIN
    },
    Scenario {
        name: "1-percent-failing",
        manner: ReceiverBehaviour {
            failing_each: Some(100),
            ..PLAIN.manner
        },
        events: 5_000,
        ..PLAIN
    },
    Scenario {
        name: "1-percent-hanging",
        manner: ReceiverBehaviour {
            hanging_each: Some(100),
            ..PLAIN.manner
        },
        timeout_seconds: 2,
        events: 500,
        ..PLAIN
    },
    Scenario {
        name: "10000-tenants",
        tenants: 10_000,
        events: 9_000,
        ..PLAIN
    },
    Scenario {
        name: "100-tenants",
        tenants: 100,
        ..PLAIN
    },
    Scenario {
        name: "log-of-1000",
        logged: 1_000,
        ..PLAIN
    },
    Scenario {
        name: "log-of-100000",
        logged: 100_000,
        ..PLAIN
    },
    Scenario {
        name: "log-of-1000000",
        logged: 1_000_000,
        ..PLAIN
    },
];

/// Scenarios that only `bench counts` runs. The tables do not show them, and the model of `make
/// cost` does not know them.
pub(crate) const COUNTED: &[Scenario] = &[
    // A retry must read its event, and none of the other webhooks' deliveries.
    Scenario {
        name: "retries-of-25-webhooks",
        batch: 1,
        webhooks: 25,
        manner: ReceiverBehaviour {
            failing_once: true,
            answer_bytes: Some(16 * KIB),
            ..PLAIN.manner
        },
        events: 2,
        ..PLAIN
    },
    // The contract is one item for all tenants.
    Scenario {
        name: "own-contract",
        own_contract: true,
        webhooks: 5,
        tenants: 10,
        events: 200,
        ..PLAIN
    },
];

/// The scenario with a name.
pub(crate) fn named(name: &str) -> Option<Scenario> {
    let mut all = ALL.iter().chain(COUNTED);
    all.find(|scenario| scenario.name == name).copied()
}

impl Scenario {
    /// The tenant of an event. The first is for the warm-up.
    pub(crate) fn tenant_of(&self, event: usize) -> usize {
        match self.tenants {
            0 | 1 => 0,
            many if many >= 1_000 => 1 + event % (many - 1),
            many => match self.door {
                Door::Sqs => (event / self.batch) % many,
                // One tenant after another, so that a batch of messages mostly belongs to one
                // tenant.
                Door::Http(_) => event * many / self.events.max(1),
            },
        }
    }
}
