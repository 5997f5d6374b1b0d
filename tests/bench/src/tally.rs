//! Counts of AWS requests.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::Serialize;

/// Units of DynamoDB: writes to tables, writes to indexes, reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Units {
    pub(crate) write: f64,
    pub(crate) index: f64,
    pub(crate) read: f64,
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.write += other.write;
        self.index += other.index;
        self.read += other.read;
    }
}

/// Requests of one kind, and the bytes of their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Calls {
    pub(crate) requests: u64,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// As SQS bills: a request for each started 64 KB.
    pub(crate) billed: u64,
}

/// All counts since they were last taken.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// By service, operation and table or queue.
    pub(crate) calls: BTreeMap<String, Calls>,
    /// By table.
    pub(crate) units: BTreeMap<String, Units>,
}

impl Tally {
    pub(crate) fn call(&mut self, kind: String, sent: usize, received: usize) {
        let calls = self.calls.entry(kind).or_default();
        calls.requests += 1;
        calls.sent += sent as u64;
        calls.received += received as u64;
        calls.billed += sent.div_ceil(64 * 1024).max(1) as u64;
    }

    pub(crate) fn total(&self) -> Units {
        let mut total = Units::default();
        for units in self.units.values() {
            total += *units;
        }
        total
    }

    /// Requests whose kind has this prefix.
    pub(crate) fn requests(&self, start: &str) -> u64 {
        self.of(start).map(|calls| calls.requests).sum()
    }

    /// The same as billed.
    pub(crate) fn billed(&self, start: &str) -> u64 {
        self.of(start).map(|calls| calls.billed).sum()
    }

    fn of(&self, start: &str) -> impl Iterator<Item = &Calls> {
        self.calls
            .iter()
            .filter(move |(kind, _)| kind.starts_with(start))
            .map(|(_, calls)| calls)
    }
}
