//! Limits of Lambda that AWS documents and the local cloud does not implement.
//!
//! Recursive loops (AWS Lambda Developer Guide, invocation-recursion.html, "Use Lambda recursive
//! loop detection to prevent infinite loops"): the SDK adds the trace header of the invocation to
//! each call, SQS stores it with the message (`AWSTraceHeader`), and Lambda counts in it how often
//! a function was invoked in one chain of requests. After about 16 times it drops the next
//! invocation, unless the function's `RecursiveLoop` is `Allow`. A message from the Scheduler or a
//! caller begins a chain. The documentation does not say how a batch of several chains counts: here
//! the longest counts, which is the worst case.
//!
//! Throttling (same guide, services-sqs-errorhandling.html, "Backoff strategy for failed
//! invocations"): a received batch that cannot be invoked is retried until its visibility timeout
//! is over, then released. Each such round counts as a receive. The Scheduler invokes
//! asynchronously: Lambda keeps such an event and retries for hours
//! (invocation-async-error-handling.html). The gateway returns the refusal to its caller, who
//! retries.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::Time;

use crate::queues::Stored;
use crate::simulation::RunKind;

/// How often Lambda invokes a function in one chain of requests.
pub const MAX_LOOP: u32 = 16;

/// A function that is invoked by a queue, as the template names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Looping {
    Dispatcher,
    Redriver,
    Dlq,
}

impl Looping {
    /// The function of a run, if a queue invokes it.
    pub(crate) fn of(kind: RunKind) -> Option<Self> {
        match kind {
            RunKind::EventMessage | RunKind::DeliveryTask => Some(Self::Dispatcher),
            RunKind::RedriveJob => Some(Self::Redriver),
            RunKind::Dlq => Some(Self::Dlq),
            RunKind::Sweep | RunKind::Http | RunKind::Button => None,
        }
    }
}

/// The relevant part of a trace header: how often each function was invoked in a chain of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lineage(BTreeMap<Looping, u32>);

impl Lineage {
    /// The trace of an invocation with a batch.
    fn of(batch: &[Stored], function: Looping) -> Self {
        let mut longest = Self::default();
        for (function, times) in batch.iter().flat_map(|message| &message.lineage.0) {
            let known = longest.0.entry(*function).or_default();
            *known = (*known).max(*times);
        }
        *longest.0.entry(function).or_default() += 1;
        longest
    }
}

#[derive(Default)]
pub(crate) struct Lambda {
    /// The functions that may loop. `None`: loops are not stopped.
    pub(crate) may_loop: Option<BTreeSet<Looping>>,
    /// The longest chain of each.
    pub(crate) longest: BTreeMap<Looping, u32>,
    /// The time during which no function is invoked.
    pub(crate) throttled: Option<(Time, Time)>,
}

impl Lambda {
    /// The chain that an invocation with a batch continues; `None` if Lambda drops it.
    pub(crate) fn admit(&mut self, batch: &[Stored], function: Looping) -> Option<Lineage> {
        let lineage = Lineage::of(batch, function);
        let times = lineage.0.get(&function).copied().unwrap_or(0);
        let may = self.may_loop.as_ref();
        if times > MAX_LOOP && may.is_some_and(|may| !may.contains(&function)) {
            return None;
        }
        let longest = self.longest.entry(function).or_default();
        *longest = (*longest).max(times);
        Some(lineage)
    }

    /// Until when invocations are refused, if they are.
    pub(crate) fn throttled(&self, now: Time) -> Option<Time> {
        let (from, until) = self.throttled?;
        (from <= now && now < until).then_some(until)
    }
}
