//! Everything outside of Postel's functions, and the clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::task::Waker;
use std::time::Duration;

use domain::flow::SWEEP_SHARDS;
use domain::ids::{DeliveryId, TenantId, WebhookId};
use domain::time::Time;
use domain::ulid::Ulid;
use fastrand::Rng;

use crate::capacity::Capacity;
use crate::directory::Directory;
use crate::explained::Explanations;
use crate::faults::{Access, Faults, Guard, InjectedFault, Outage, Trouble};
use crate::jobs::Jobs;
use crate::lambda::{Lambda, Lineage};
use crate::ports::OURSELVES;
use crate::processes::{ProcessId, Processes};
use crate::promises::Promises;
use crate::queues::{QueueName, Queues, Stored};
use crate::receivers::Receivers;
use crate::simulation::RunKind;
use crate::tables::Tables;

pub(crate) type RunId = u64;

/// The next thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wake {
    /// A run's wait is over.
    Run(RunId),
    /// A run's function timeout.
    Deadline(RunId),
    /// An event source mapping polls its queue.
    Poll(QueueName),
    /// A schedule fires.
    Fire(String),
    /// An external event: the plan's item with this number.
    Plan(usize),
    Sweep,
}

/// A POST that has left and is not recorded yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sent {
    pub(crate) event: String,
    pub(crate) webhook: WebhookId,
    /// Whether it was made under a lease: every attempt except a first one.
    pub(crate) leased: bool,
}

/// A running function.
pub(crate) struct Running {
    pub(crate) kind: RunKind,
    /// The process, if it is the dispatcher's.
    pub(crate) process: Option<ProcessId>,
    /// The queue of its batch.
    pub(crate) queue: Option<QueueName>,
    skew: i64,
    /// Its trace header.
    lineage: Lineage,
    pub(crate) began: Time,
    /// Calls begun, for an [`InjectedFault`].
    calls: u32,
    /// The deliveries whose lease this run holds, and when the attempt is due, if it is automatic.
    pub(crate) leases: Vec<(TenantId, DeliveryId, Option<Time>)>,
    pub(crate) sent: Vec<Sent>,
    /// Whether one of its calls failed.
    is_troubled: bool,
}

pub(crate) struct World {
    /// When the history begins.
    pub(crate) start: Time,
    pub(crate) now: Time,
    pub(crate) capacity: Capacity,
    pub(crate) rng: Rng,
    /// The wakers of each run's waits, called when its next moment comes: a stream of many attempts
    /// polls only those whose waker was called.
    pub(crate) sleepers: BTreeMap<RunId, Vec<Waker>>,
    agenda: BinaryHeap<Reverse<(Time, u64, Wake)>>,
    entries: u64,
    pub(crate) directory: Directory,
    pub(crate) promises: Promises,
    pub(crate) tables: Tables,
    pub(crate) jobs: Jobs,
    pub(crate) queues: Queues,
    pub(crate) lambda: Lambda,
    pub(crate) receivers: Receivers,
    pub(crate) explanations: Explanations,
    pub(crate) faults: Faults,
    pub(crate) strike: Option<InjectedFault>,
    /// The time of the outage, and its kind.
    pub(crate) outage: Option<(Outage, Time, Time)>,
    /// When the last work after the outage was done that was due before its end.
    pub(crate) caught_up: Option<Time>,
    pub(crate) without: Option<Guard>,
    pub(crate) running: BTreeMap<RunId, Running>,
    /// The run whose call is being executed: its messages carry that run's trace header.
    pub(crate) calling: Option<RunId>,
    /// POSTs that were never recorded, because their run ended before.
    pub(crate) unrecorded: BTreeMap<(String, WebhookId), u32>,
    /// First attempts that a duplicate of their message made too.
    pub(crate) twins: BTreeMap<(String, WebhookId), u32>,
    /// The tenants whose messages have no group.
    pub(crate) groupless: Vec<String>,
    pub(crate) mails: u32,
    /// Actions of the plan that wait for a POST, by number.
    pub(crate) meets: Vec<usize>,
    pub(crate) met: BTreeMap<usize, (TenantId, WebhookId)>,
    /// When the last message of an event was acknowledged, by the event's key or its own.
    pub(crate) handled: BTreeMap<Ulid, Time>,
    pub(crate) processes: Processes,
    pub(crate) skewed: bool,
    /// Promises broken as they happened.
    pub(crate) violations: Vec<String>,
    /// The last trace lines, for the report of a violation.
    pub(crate) trace: Vec<String>,
    pub(crate) is_traced: bool,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    polls: BTreeMap<QueueName, Time>,
    pub(crate) sweep_planned: bool,
}

/// An arbitrary day: 2026-01-01T00:00:00Z.
const BEGINNING: Time = Time::from_millis(1_767_225_600_000);

/// The template's `MaximumEventAgeInSeconds` of a schedule.
const HOUR: Duration = Duration::from_secs(3_600);

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            start: BEGINNING,
            now: BEGINNING,
            capacity: Capacity::default(),
            rng: Rng::with_seed(seed),
            sleepers: BTreeMap::new(),
            agenda: BinaryHeap::new(),
            entries: 0,
            directory: Directory::default(),
            promises: Promises::default(),
            tables: Tables::default(),
            jobs: Jobs::default(),
            queues: Queues::default(),
            lambda: Lambda::default(),
            receivers: Receivers::default(),
            explanations: Explanations::default(),
            faults: Faults::default(),
            strike: None,
            outage: None,
            caught_up: None,
            without: None,
            running: BTreeMap::new(),
            calling: None,
            unrecorded: BTreeMap::new(),
            twins: BTreeMap::new(),
            groupless: Vec::new(),
            mails: 0,
            handled: BTreeMap::new(),
            meets: Vec::new(),
            met: BTreeMap::new(),
            processes: Processes::default(),
            skewed: false,
            violations: Vec::new(),
            trace: Vec::new(),
            is_traced: false,
            counts: BTreeMap::new(),
            polls: BTreeMap::new(),
            sweep_planned: false,
        }
    }

    pub(crate) fn at(&mut self, time: Time, wake: Wake) {
        self.entries += 1;
        self.agenda
            .push(Reverse((time.max(self.now), self.entries, wake)));
    }

    /// The next thing that happens; the clock advances to it.
    pub(crate) fn next(&mut self) -> Option<Wake> {
        loop {
            let Reverse((time, _, wake)) = self.agenda.pop()?;
            if let Wake::Poll(queue) = wake {
                if self.polls.get(&queue) != Some(&time) {
                    // An earlier poll was planned.
                    continue;
                }
                self.polls.remove(&queue);
            }
            self.now = time;
            return Some(wake);
        }
    }

    /// Plans a poll of a queue at a time, unless an earlier one is planned.
    pub(crate) fn poll(&mut self, queue: QueueName, at: Time) {
        let at = at.max(self.now);
        if self.polls.get(&queue).is_none_or(|planned| at < *planned) {
            self.polls.insert(queue, at);
            self.at(at, Wake::Poll(queue));
        }
    }

    pub(crate) fn has(&self, guard: Guard) -> bool {
        self.without != Some(guard)
    }

    pub(crate) fn chance(&mut self, of: f64) -> bool {
        of > 0.0 && self.rng.f64() < of
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.is_traced {
            let line = format!(
                "{:>10} ms  {}",
                self.now.millis() - 1_767_225_600_000,
                what()
            );
            self.trace.push(line);
        }
    }

    pub(crate) fn violation(&mut self, what: String) {
        self.note(|| format!("VIOLATION {what}"));
        self.violations.push(what);
    }

    pub(crate) fn start(
        &mut self,
        id: RunId,
        kind: RunKind,
        queue: Option<QueueName>,
        lineage: Lineage,
    ) {
        let most = self.faults.skew_millis;
        let (process, skew) = if matches!(kind, RunKind::EventMessage | RunKind::DeliveryTask) {
            let (process, skew) = self.processes.take(&mut self.rng, most);
            (Some(process), skew)
        } else {
            (None, self.rng.i64(-most..=most))
        };
        self.skewed |= skew != 0;
        self.running.insert(
            id,
            Running {
                kind,
                process,
                queue,
                skew,
                lineage,
                began: self.now,
                calls: 0,
                leases: Vec::new(),
                sent: Vec::new(),
                is_troubled: false,
            },
        );
    }

    /// A run has ended. Requests that it sent and did not record are noted: such an attempt may be
    /// repeated, and that needs a reason.
    pub(crate) fn end(&mut self, id: RunId, killed: bool) {
        self.sleepers.remove(&id);
        if self
            .running
            .get(&id)
            .is_some_and(|run| run.kind == RunKind::Sweep)
        {
            self.swept(id, killed);
        }
        let Some(run) = self.running.remove(&id) else {
            return;
        };
        if let Some(process) = run.process {
            self.processes.free(process, killed);
        }
        for sent in run.sent {
            if !killed && !run.is_troubled && (sent.leased || self.faults.duplicate == 0.0) {
                self.violation(format!(
                    "{} to {} was sent and not recorded, for no reason",
                    sent.event, sent.webhook
                ));
            }
            self.count(if sent.leased {
                "later attempts unrecorded"
            } else {
                "first attempts unrecorded"
            });
            *self
                .unrecorded
                .entry((sent.event, sent.webhook))
                .or_default() += 1;
        }
    }

    /// The time on the clock of a run's process.
    pub(crate) fn clock_of(&self, id: RunId) -> Time {
        let skew = self.running.get(&id).map_or(0, |run| run.skew);
        Time::from_millis(self.now.millis() + skew)
    }

    /// The delay of a call: some milliseconds, sometimes up to [`Faults::slowest`].
    pub(crate) fn latency(&mut self) -> Duration {
        let Faults { slow, slowest, .. } = self.faults;
        if self.chance(slow) {
            let most = u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX);
            Duration::from_millis(self.rng.u64(most / 4..=most))
        } else {
            Duration::from_millis(self.rng.u64(1..12))
        }
    }

    /// The fault of the next call of a run.
    pub(crate) fn trouble(&mut self, id: RunId) -> Option<Trouble> {
        let run = self.running.get_mut(&id)?;
        let (kind, call) = (run.kind, run.calls);
        run.calls += 1;
        if let Some(InjectedFault {
            kind: of,
            at,
            trouble: Some(trouble),
        }) = self.strike
            && of == kind
            && at == call
        {
            self.strike = None;
            run.is_troubled = trouble != Trouble::Repeated;
            self.count("struck");
            return Some(trouble);
        }
        if self.faults.only.is_some_and(|only| only != kind) {
            return None;
        }
        let trouble = self.faults.of_call(&mut self.rng);
        if matches!(trouble, Some(Trouble::Refused | Trouble::Unanswered))
            && let Some(run) = self.running.get_mut(&id)
        {
            run.is_troubled = true;
        }
        match trouble {
            Some(Trouble::Refused) => self.count("refused"),
            Some(Trouble::Unanswered) => self.count("unanswered"),
            Some(Trouble::Repeated) => self.count("repeated"),
            None => {}
        }
        trouble
    }

    /// The kind of outage that a call of a run meets, if any.
    pub(crate) fn outage_of(&mut self, id: RunId, access: Access) -> Option<Outage> {
        let outage = self.is_out()?;
        if !outage.meets(access) {
            return None;
        }
        self.excuse(id);
        self.count("calls that met the outage");
        Some(outage)
    }

    pub(crate) fn is_out(&self) -> Option<Outage> {
        let (outage, from, until) = self.outage?;
        (from <= self.now && self.now < until).then_some(outage)
    }

    /// Until when a service is out, if it is.
    pub(crate) fn out_until(&self, of: Outage) -> Option<Time> {
        let (_, _, until) = self.outage?;
        (self.is_out() == Some(of)).then_some(until)
    }

    /// A retry that was due at a time is sent.
    pub(crate) fn retried(&mut self, due: Time) {
        self.capacity.latest = self.capacity.latest.max(self.now.since(due));
        self.did(due);
    }

    /// Work that was due at a time is done.
    pub(crate) fn did(&mut self, due: Time) {
        if let Some((_, _, until)) = self.outage
            && due <= until
            && until < self.now
        {
            self.caught_up = Some(self.now);
        }
    }

    /// A run got no response to a call, so it may leave work undone.
    pub(crate) fn excuse(&mut self, id: RunId) {
        if let Some(run) = self.running.get_mut(&id) {
            run.is_troubled = true;
        }
    }

    /// A message arrives in a queue.
    pub(crate) fn send(
        &mut self,
        to: QueueName,
        body: String,
        sender: &str,
        delay: Duration,
    ) -> String {
        let late = self.faults.late;
        let extra = if self.chance(late) {
            Duration::from_millis(self.rng.u64(0..90_000))
        } else {
            Duration::from_millis(self.rng.u64(0..30))
        };
        let id = format!("{:016x}{:016x}", self.rng.u64(..), self.rng.u64(..));
        let visible = self.now.plus(delay + extra);
        let by = self.calling.and_then(|run| self.running.get(&run));
        let lineage = by.map(|run| run.lineage.clone()).unwrap_or_default();
        self.note(|| format!("to {to:?}: {body}"));
        let group = self.group_of(&body, sender);
        self.queues.put(
            to,
            Stored {
                id: id.clone(),
                body,
                sender: sender.to_owned(),
                sent: self.now,
                due: visible,
                visible,
                receives: 0,
                receipt: 0,
                copies: 4,
                lineage,
                group,
            },
        );
        self.poll(to, visible);
        id
    }

    /// A one-time schedule; its name is free again once it has fired. It fires within a minute,
    /// except with [`Faults::late_schedule`], and at least once (EventBridge Scheduler User Guide,
    /// what-is-scheduler.html and "Schedule types").
    pub(crate) fn schedule(&mut self, name: String, body: String, at: Time) {
        if self.queues.schedules.contains_key(&name) {
            return;
        }
        self.note(|| format!("schedule {name} at {at:?}"));
        self.queues.schedules.insert(name.clone(), (at, body));
        let lost = self.faults.lost_schedule;
        if self.chance(lost) {
            self.count("schedules lost");
            return;
        }
        let mut fires = at.plus(Duration::from_millis(self.rng.u64(0..60_000)));
        let late = self.faults.late_schedule;
        if self.chance(late) {
            self.count("schedules late");
            fires = fires.plus(self.within_an_hour());
        }
        self.at(fires, Wake::Fire(name));
    }

    /// A schedule sends its message. The Scheduler sends it, so it begins a chain of requests.
    pub(crate) fn fire(&mut self, name: &str) {
        let Some((due, _)) = self.queues.schedules.get(name) else {
            return;
        };
        let (age, now) = (self.now.since(*due), self.now);
        let queues = self.out_until(Outage::Queues);
        if let Some(until) = queues.or_else(|| self.out_until(Outage::Scheduler)) {
            self.count("schedules that wait for the outage's end");
            let later = until.plus(Duration::from_millis(self.rng.u64(0..60_000)));
            self.at(later, Wake::Fire(name.to_owned()));
            return;
        }
        if age < HOUR && !self.capacity.may_invoke(now) {
            self.count("schedules that wait for the quota");
            let later = self.now.plus(Duration::from_secs(10));
            self.at(later, Wake::Fire(name.to_owned()));
            return;
        }
        let Some((_, body)) = self.queues.schedules.remove(name) else {
            return;
        };
        if age >= HOUR && self.capacity.quotas.invocations.is_some() {
            self.count("schedules dropped");
            self.send(QueueName::DeadDeliveries, body, OURSELVES, Duration::ZERO);
            return;
        }
        let dropped = self.faults.dropped_schedule;
        if self.chance(dropped) {
            self.count("schedules dropped");
            self.send(QueueName::DeadDeliveries, body, OURSELVES, HOUR);
            return;
        }
        let twice = self.faults.repeated_schedule;
        if self.chance(twice) {
            self.count("schedules repeated");
            let later = self.within_an_hour();
            self.send(QueueName::Deliveries, body.clone(), OURSELVES, later);
        }
        self.send(QueueName::Deliveries, body, OURSELVES, Duration::ZERO);
    }

    fn within_an_hour(&mut self) -> Duration {
        Duration::from_millis(self.rng.u64(0..3_600_000))
    }

    /// What a sweep must find that begins now: overdue by ten seconds more than the grace, since
    /// clocks differ.
    pub(crate) fn overdue(&self, grace: Duration) -> BTreeMap<(TenantId, String), Time> {
        let grace = grace + Duration::from_secs(10);
        let rows = self.tables.deliveries.rows.iter();
        let due = rows.filter_map(|(key, row)| Some((key.clone(), row.due_at?)));
        due.filter(|(_, due)| due.plus(grace) < self.now).collect()
    }

    /// Whether an event with this id has this key.
    pub(crate) fn is_key_of(&self, event: &str, tenant: &TenantId, key: Ulid) -> bool {
        let stored = self.tables.get_stored_event(tenant, key);
        stored.is_some_and(|stored| stored.event.id.as_str() == event)
    }

    /// A call was executed: its write units in the index are counted.
    pub(crate) fn charge(&mut self) {
        for (shard, units) in std::mem::take(&mut self.tables.deliveries.written) {
            self.capacity.wrote(shard, units, self.now);
        }
    }

    /// A sweep is over.
    pub(crate) fn swept(&mut self, id: RunId, killed: bool) {
        let is_troubled = self.running.get(&id).is_none_or(|run| run.is_troubled);
        let rows = &self.tables.deliveries.rows;
        let due = |key: &(TenantId, String)| rows.get(key)?.due_at;
        // Without crashes it was killed by its time limit.
        let is_whole = !is_troubled && (!killed || self.faults.crash == 0.0);
        let broken = self.capacity.sweep_ends(id, is_whole, due);
        broken.into_iter().for_each(|what| self.violation(what));
    }

    /// Plans the sweeper's next run at the next full five minutes, if it has anything to find.
    pub(crate) fn plan_sweep(&mut self, grace: Duration) {
        if self.sweep_planned {
            return;
        }
        let of_jobs = self.jobs.running().into_iter().map(|job| job.next_at).min();
        let next = self
            .tables
            .deliveries
            .next_due()
            .into_iter()
            .chain(of_jobs)
            .min();
        if let Some(due) = next {
            let every = 300_000;
            let ready = due.plus(grace).max(self.now).millis();
            self.sweep_planned = true;
            self.at(Time::from_millis((ready / every + 1) * every), Wake::Sweep);
        }
    }

    pub(crate) const fn shards() -> u8 {
        SWEEP_SHARDS
    }
}
