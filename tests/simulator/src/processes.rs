//! The dispatcher's processes, and the time that each spent on each webhook and tenant.
//!
//! A Lambda process handles one batch at a time, and knows its receivers' speed only from its own
//! batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::flow::{PROMPT, SlowReceiverDetector, TENANT_FULL, WEBHOOK_FULL};
use domain::ids::{TenantId, WebhookId};
use domain::time::Time;
use fastrand::Rng;

pub(crate) type ProcessId = u64;

/// The probability that a batch comes to a new process although another is free.
const NEW_PROCESS: f64 = 0.01;

/// The largest share of time that a tenant may use permanently.
const FASTEST_LEAK: f64 = 0.11;

/// The maximum duration of an invocation: a slow webhook is detected only after it.
const MAX_INVOCATION: Duration = Duration::from_secs(80);

struct Process {
    slow_receivers: Arc<SlowReceiverDetector>,
    skew: i64,
    is_busy: bool,
}

/// When an attempt kept a process busy beyond the free time.
type Stretch = (Time, Time);

#[derive(Default)]
pub(crate) struct Processes {
    alive: BTreeMap<ProcessId, Process>,
    begun: ProcessId,
    taken: BTreeMap<(ProcessId, TenantId), Vec<(Stretch, WebhookId)>>,
}

impl Processes {
    /// A process for a batch, a free or a new one, and the difference of its clock.
    pub(crate) fn take(&mut self, rng: &mut Rng, max_skew: i64) -> (ProcessId, i64) {
        let mut free: Vec<_> = self.alive.iter_mut().filter(|(_, p)| !p.is_busy).collect();
        if !free.is_empty() && rng.f64() >= NEW_PROCESS {
            let (id, process) = free.swap_remove(rng.usize(0..free.len()));
            process.is_busy = true;
            return (*id, process.skew);
        }
        self.begun += 1;
        let skew = rng.i64(-max_skew..=max_skew);
        // From the slowest leak to the fastest, whatever the seed.
        let fraction = f64::from(u8::try_from(self.begun % 11).unwrap_or_default()) / 10.0;
        let process = Process {
            slow_receivers: Arc::new(SlowReceiverDetector::varied(fraction)),
            skew,
            is_busy: true,
        };
        self.alive.insert(self.begun, process);
        (self.begun, skew)
    }

    /// Its batch is done, or it died with it.
    pub(crate) fn free(&mut self, id: ProcessId, killed: bool) {
        if killed {
            self.alive.remove(&id);
        } else if let Some(process) = self.alive.get_mut(&id) {
            process.is_busy = false;
        }
    }

    pub(crate) fn slow_receivers(&self, id: ProcessId) -> Arc<SlowReceiverDetector> {
        self.alive
            .get(&id)
            .map(|process| Arc::clone(&process.slow_receivers))
            .unwrap_or_default()
    }

    /// An attempt was made from one of the common lanes.
    pub(crate) fn gave(
        &mut self,
        id: ProcessId,
        (tenant, webhook): (TenantId, WebhookId),
        (from, to): Stretch,
    ) {
        let from = from.plus(PROMPT);
        if from < to {
            let of_tenant = self.taken.entry((id, tenant)).or_default();
            of_tenant.push(((from, to), webhook));
        }
    }

    /// The total time taken from the common lanes.
    pub(crate) fn taken(&self) -> Duration {
        self.taken
            .values()
            .flat_map(|taken| joined(taken.iter().map(|(stretch, _)| *stretch)))
            .map(|(from, to)| to.since(from))
            .sum()
    }

    /// Which webhooks or tenants took more time from a process, in any period, than what fills a
    /// bucket, one more invocation, and what leaks in that period. A webhook that its owner changed
    /// has a bucket for each version; its tenant has only one.
    pub(crate) fn taken_too_much(&self, is_changed: impl Fn(&WebhookId) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        for ((process, tenant), taken) in &self.taken {
            let mut check = |who: &str, taken: Vec<Stretch>, full: Duration| {
                if let Some(what) = exceeds(&taken, full + MAX_INVOCATION) {
                    found.push(format!("process {process} gave {who} {what}"));
                }
            };
            let all = joined(taken.iter().map(|(stretch, _)| *stretch));
            check(tenant.as_str(), all, TENANT_FULL);
            let mut webhooks: BTreeMap<&WebhookId, Vec<Stretch>> = BTreeMap::new();
            for (stretch, webhook) in taken.iter().filter(|(_, id)| !is_changed(id)) {
                webhooks.entry(webhook).or_default().push(*stretch);
            }
            for (webhook, stretches) in webhooks {
                let all = joined(stretches.into_iter());
                check(&webhook.to_string(), all, WEBHOOK_FULL);
            }
        }
        found
    }
}

/// The same times without overlaps, in order.
fn joined(stretches: impl Iterator<Item = Stretch>) -> Vec<Stretch> {
    let mut sorted: Vec<_> = stretches.collect();
    sorted.sort_unstable();
    let mut all: Vec<Stretch> = Vec::new();
    for (from, to) in sorted {
        match all.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => all.push((from, to)),
        }
    }
    all
}

/// The first period in which more was taken than `most` plus what leaks in it.
fn exceeds(stretches: &[Stretch], most: Duration) -> Option<String> {
    (0..stretches.len()).find_map(|first| {
        let begin = stretches.get(first)?.0;
        let mut sum = Duration::ZERO;
        stretches.get(first..)?.iter().find_map(|(from, to)| {
            sum += to.since(*from);
            let time = to.since(begin);
            (sum > most + time.mul_f64(FASTEST_LEAK)).then(|| format!("{sum:?} of {time:?}"))
        })
    })
}
