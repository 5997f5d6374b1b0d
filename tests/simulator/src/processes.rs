//! The dispatcher's processes, and what each gave to whom.
//!
//! A process of Lambda works on one batch at a time, and knows of its receivers' pace what its own
//! batches taught it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::flow::{PROMPT, SlowReceiverDetector, TENANT_FULL, WEBHOOK_FULL};
use domain::ids::{TenantId, WebhookId};
use domain::time::Time;
use fastrand::Rng;

pub(crate) type ProcessId = u64;

/// How often a batch comes to a process that has just begun, though another is free.
const NEW_PROCESS: f64 = 0.01;

/// The most of a time that anybody may take for good.
const FASTEST_LEAK: f64 = 0.11;

/// The longest that one invocation lasts: whoever is found out is found out after it.
const MAX_INVOCATION: Duration = Duration::from_secs(80);

struct Process {
    slow_receivers: Arc<SlowReceiverDetector>,
    skew: i64,
    is_busy: bool,
}

/// From when to when an attempt kept a process busy, beyond what is nobody's fault.
type Stretch = (Time, Time);

/// All of them.
#[derive(Default)]
pub(crate) struct Processes {
    alive: BTreeMap<ProcessId, Process>,
    begun: ProcessId,
    taken: BTreeMap<(ProcessId, TenantId), Vec<(Stretch, WebhookId)>>,
}

impl Processes {
    /// One for a batch: any that is free, or a new one. And how far its clock is off.
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

    /// What it remembers.
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

    /// How many seconds of the common lanes were taken in all.
    pub(crate) fn taken(&self) -> Duration {
        self.taken
            .values()
            .flat_map(|taken| joined(taken.iter().map(|(stretch, _)| *stretch)))
            .map(|(from, to)| to.since(from))
            .sum()
    }

    /// Who took more of a process, in any time, than fills a bucket in one invocation more, and
    /// what leaks in that time. A webhook that its owner changed has a bucket for each version; its
    /// tenant has one all the same.
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

/// The same time without overlaps, in order.
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

/// The first time in which more was taken than `most` and what leaks in it.
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
