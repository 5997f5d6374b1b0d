//! What Lambda itself refuses, as AWS documents it and the local cloud does not do.
//!
//! Recursive loops (AWS Lambda Developer Guide, invocation-recursion.html, "Use Lambda recursive
//! loop detection to prevent infinite loops"): the SDK sends the trace header of the invocation on
//! with each call, SQS keeps it with the message (`AWSTraceHeader`), and Lambda counts in it how
//! often a function was invoked in one chain of requests. After some 16 times it drops the next
//! invocation, unless the function's `RecursiveLoop` is `Allow`. A message that the Scheduler or a
//! caller sends begins a chain. What a batch of several chains counts as is not documented: here
//! the longest counts, which is the worst.
//!
//! Throttling (same guide, services-sqs-errorhandling.html, "Backoff strategy for failed
//! invocations"): a batch that was received and cannot be invoked is tried again until its
//! visibility timeout is over, then let go. Each such round counts a receive. The Scheduler invokes
//! asynchronously: Lambda keeps such an event and tries again for hours
//! (invocation-async-error-handling.html). The gateway hands a refusal to its caller, who asks
//! again.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::Time;

use crate::queues::Stored;
use crate::simulation::RunKind;

/// How often Lambda invokes a function in one chain of requests.
pub const MAX_LOOP: u32 = 16;

/// A function that is invoked by a queue, as the template names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Looping {
    /// `DispatcherFunction`.
    Dispatcher,
    /// `RedriverFunction`.
    Redriver,
    /// `DlqFunction`.
    Dlq,
}

impl Looping {
    /// Which one a run is of, if a queue invokes it.
    pub(crate) fn of(kind: RunKind) -> Option<Self> {
        match kind {
            RunKind::EventMessage | RunKind::DeliveryTask => Some(Self::Dispatcher),
            RunKind::RedriveJob => Some(Self::Redriver),
            RunKind::Dlq => Some(Self::Dlq),
            RunKind::Sweep | RunKind::Http | RunKind::Button => None,
        }
    }
}

/// The part of a trace header that counts: how often each function was invoked in a chain of
/// requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lineage(BTreeMap<Looping, u32>);

impl Lineage {
    /// Of an invocation with a batch.
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
    /// The functions that may loop; none of them is stopped if this is not said.
    pub(crate) may_loop: Option<BTreeSet<Looping>>,
    /// The longest chain of each.
    pub(crate) longest: BTreeMap<Looping, u32>,
    /// From when to when no function is invoked.
    pub(crate) throttled: Option<(Time, Time)>,
}

impl Lambda {
    /// The chain that an invocation with a batch goes on with; None if Lambda drops it.
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

    /// Whether invocations are refused, and until when.
    pub(crate) fn throttled(&self, now: Time) -> Option<Time> {
        let (from, until) = self.throttled?;
        (from <= now && now < until).then_some(until)
    }
}
