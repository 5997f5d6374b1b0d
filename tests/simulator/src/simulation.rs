//! Runs Postel's functions in the simulated world, one moment after another.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::flow::{Policy, Published, QueueKind, QueueMessage, Sweeper};
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Clock as _, Fault, FaultKind};
use domain::rejection::Rejection;
use domain::time::Time;
use domain::ulid::Ulid;

use crate::capacity::Quotas;
use crate::directory::Subscriber;
use crate::explained::{self, USER_AGENT};
use crate::faults::{Faults, Guard, InjectedFault, Outage};
use crate::lambda::{Lineage, Looping};
use crate::owner::{Change, Wish};
use crate::plan::{body, work_off};
use crate::ports::{OURSELVES, Ports, Received};
use crate::queues::{MAX_BATCH, QueueName, Stored, deleted};
use crate::world::{RunId, Wake, World};

/// The function of a run, and its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunKind {
    /// The dispatcher over a batch of the events queue.
    EventMessage,
    /// The dispatcher over a batch of the deliveries queue.
    DeliveryTask,
    /// The consumer of a dead-letter queue.
    Dlq,
    /// The sweeper.
    Sweep,
    /// The redriver.
    RedriveJob,
    /// The HTTP API.
    Http,
    /// A redrive or a manual attempt through the API.
    Button,
}

impl RunKind {
    pub const ALL: [Self; 7] = [
        Self::EventMessage,
        Self::DeliveryTask,
        Self::Dlq,
        Self::Sweep,
        Self::RedriveJob,
        Self::Http,
        Self::Button,
    ];

    /// The function's timeout, as in the template.
    fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::EventMessage | Self::DeliveryTask | Self::RedriveJob => 80,
            Self::Sweep => 300,
            Self::Dlq => 30,
            Self::Http | Self::Button => 29,
        })
    }
}

/// The path on which an event is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Over the API; its caller retries until it learns that the event is accepted.
    Http,
    /// Directly to the queue.
    Sqs,
}

/// An event to be published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The tenant's number.
    pub tenant: usize,
    /// The path.
    pub door: Door,
    /// The caller's own id.
    pub id: Option<String>,
    /// Its content.
    pub data: u32,
}

/// Actions other than publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Manual attempts of some delivery, requested this many times.
    Manual(u32),
    /// Redrives of some dead letter, requested this many times.
    Redrive(u32),
    /// A job over all dead letters of a tenant.
    RedriveAll,
    /// The owner of some webhook changes it.
    Change(Change),
    /// Two people change the same webhook at the same moment.
    ChangeTogether(Change, Change),
    /// The owner of the next webhook that a POST arrives for changes it before the response.
    ChangeUnderWay(Change),
    /// The owners of all webhooks switch them on.
    SwitchOn,
    /// All webhooks are marked slow from now on, until they respond quickly.
    Mark,
    /// Erasures of some event, requested this many times.
    Erase(u32),
    /// A text that is not an event arrives on the public queue.
    Garbage,
    /// A message of the deliveries queue vanishes; of the slow lane if that queue is empty.
    LoseMessage,
    /// A message of the jobs queue vanishes.
    LoseJob,
}

/// How a history ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to happen.
    AtRest,
    /// It ran longer than it can.
    Restless,
}

pub(crate) enum Finish {
    Batch(Vec<(String, Fault)>),
    Published(usize, Box<Result<Result<Published, Rejection>, Fault>>),
    /// The wish with this number has its answer.
    Granted(usize, Result<(), Fault>),
    Quiet,
}

pub(crate) type Work = Pin<Box<dyn Future<Output = Finish> + Send>>;

struct Run {
    kind: RunKind,
    work: Work,
    batch: Option<(QueueName, Vec<Stored>)>,
    /// The item of the plan for which it was begun, by a caller who asks again.
    asked: Option<usize>,
    moments: u32,
}

pub(crate) enum Planned {
    Publish(Publication),
    Act(Act),
    Wish(Wish),
}

/// An event or message that a caller was told is safe.
pub(crate) struct Accepted {
    pub(crate) tenant: TenantId,
    /// The event's id.
    pub(crate) event: String,
    /// The dead letter that an SQS message may have become instead.
    pub(crate) or_dead: Option<Ulid>,
    pub(crate) data: u32,
    /// When an event with its id was first published.
    pub(crate) begun: Time,
}

/// More moments than any history has.
const MAX_STEPS: u64 = 2_000_000;
/// Of the sweeper, before its time limit.
const RECORDING_RESERVE_MILLIS: i64 = 5_000;
const GRACE: Duration = Duration::from_secs(120);

pub(crate) fn policy() -> Policy {
    Policy {
        trusted_senders: vec![OURSELVES.to_owned()],
        user_agent: USER_AGENT.to_owned(),
    }
}

/// The event of a message on the events queue: by the key that it names, or by the key derived from
/// the message.
fn key_of(message: &Stored) -> Ulid {
    let body: Option<serde_json::Value> = serde_json::from_str(&message.body).ok();
    let stored = body.and_then(|body| body["stored"].as_str()?.parse().ok());
    stored.unwrap_or_else(|| Ulid::derived(message.sent, &message.id))
}

pub struct Simulation {
    world: Arc<Mutex<World>>,
    runs: BTreeMap<RunId, Run>,
    started: RunId,
    pub(crate) tenants: Vec<TenantId>,
    pub(crate) plan: Vec<Planned>,
    /// When each of the plan's publications was first made.
    pub(crate) begun: BTreeMap<usize, Time>,
    pub(crate) accepted: Vec<Accepted>,
    /// Messages on the public queue that are not events: each must become a dead letter.
    pub(crate) garbage: Vec<Ulid>,
    calm_at: Option<Time>,
}

impl Simulation {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            world: Arc::new(Mutex::new(World::new(seed))),
            runs: BTreeMap::new(),
            started: 0,
            tenants: Vec::new(),
            plan: Vec::new(),
            begun: BTreeMap::new(),
            accepted: Vec::new(),
            garbage: Vec::new(),
            calm_at: None,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sets the random faults.
    pub fn set_faults(&mut self, faults: Faults) {
        self.world().faults = faults;
    }

    /// Sets a single fault.
    pub fn inject_fault(&mut self, strike: InjectedFault) {
        self.world().strike = Some(strike);
    }

    /// Makes a service unavailable, from a moment on for `length`.
    pub fn set_outage(&mut self, outage: Outage, after: Duration, length: Duration) {
        let mut world = self.world();
        let from = world.now.plus(after);
        world.outage = Some((outage, from, from.plus(length)));
    }

    /// Sets AWS's limits.
    pub fn set_quotas(&mut self, quotas: Quotas) {
        self.world().capacity.quotas = quotas;
    }

    pub fn take_away(&mut self, guard: Guard) {
        self.world().without = Some(guard);
    }

    /// Sets the maximum number of receives, if not the template's.
    pub fn set_max_receives(&mut self, count: u32) {
        self.world().queues.max_receives = count;
    }

    /// Sets how long a received message is hidden, if not the template's default.
    pub fn set_visibility(&mut self, length: Duration) {
        self.world().queues.visibility = Some(length);
    }

    /// Lambda stops every loop except those of these functions.
    pub fn set_loops_allowed(&mut self, functions: impl IntoIterator<Item = Looping>) {
        self.world().lambda.may_loop = Some(functions.into_iter().collect());
    }

    /// Lambda throttles every invocation, from a moment on for `length`.
    pub fn set_throttled(&mut self, after: Duration, length: Duration) {
        let mut world = self.world();
        let from = world.now.plus(after);
        world.lambda.throttled = Some((from, from.plus(length)));
    }

    /// How often a function was invoked in the longest chain of requests.
    #[must_use]
    pub fn max_chain(&self, function: Looping) -> u32 {
        let longest = self.world().lambda.longest.get(&function).copied();
        longest.unwrap_or(0)
    }

    /// Whether the single fault has occurred.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.world().strike.is_none()
    }

    /// Keeps a trace line of everything that happens.
    pub fn keep_trace(&mut self) {
        self.world().is_traced = true;
    }

    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.world().trace.clone()
    }

    /// From then on no faults occur, and Postel must finish all work.
    pub fn set_calm_after(&mut self, length: Duration) {
        let now = self.world().now;
        self.calm_at = Some(now.plus(length));
    }

    /// Adds a tenant with its webhooks, each of which selects every event.
    pub fn add_tenant(&mut self, subscribers: &[Subscriber]) {
        let number = self.tenants.len();
        #[expect(clippy::expect_used, reason = "letters and digits")]
        let tenant: TenantId = format!("tenant{number}").parse().expect("an id");
        let mut world = self.world();
        world.directory.add_tenant(&tenant, "owner@example.com");
        for (at, subscriber) in subscribers.iter().enumerate() {
            let mut bytes = [0; 16];
            bytes[14] = u8::try_from(number + 1).unwrap_or(255);
            bytes[15] = u8::try_from(at + 1).unwrap_or(255);
            let id = WebhookId::new(bytes);
            world
                .directory
                .add_webhook(&tenant, &id, &subscriber.contract);
            world.promises.begin(&tenant, &id, &subscriber.contract);
            world
                .receivers
                .manners
                .insert(id, subscriber.manner.clone());
        }
        drop(world);
        self.tenants.push(tenant);
    }

    /// A webhook gets only events whose number is below this, from the beginning.
    pub fn filter(&mut self, tenant: usize, webhook: usize, below: u32) {
        let Some(tenant) = self.tenants.get(tenant).cloned() else {
            return;
        };
        let mut world = self.world();
        if let Some(id) = world.directory.filter(&tenant, webhook, below) {
            world.promises.filter(&id, below);
        }
    }

    pub fn publish(&mut self, after: Duration, publication: Publication) {
        self.planned(after, Planned::Publish(publication));
    }

    pub fn act(&mut self, after: Duration, act: Act) {
        self.planned(after, Planned::Act(act));
    }

    fn planned(&mut self, after: Duration, item: Planned) {
        let number = self.plan.len();
        self.plan.push(item);
        let mut world = self.world();
        let at = world.now.plus(after);
        world.at(at, Wake::Plan(number));
    }

    /// Runs until nothing is left to happen.
    pub fn run(&mut self) -> Ended {
        for _ in 0..MAX_STEPS {
            let wake = {
                let mut world = self.world();
                world.plan_sweep(GRACE);
                let wake = world.next();
                if self.calm_at.is_some_and(|calm| world.now >= calm) {
                    world.faults = Faults::default();
                }
                wake
            };
            match wake {
                Some(wake) => self.wake(wake),
                None => return Ended::AtRest,
            }
        }
        Ended::Restless
    }

    /// Runs one sweep at a time at which everything is overdue, and nothing that follows from it.
    /// Returns how many deliveries it sent messages for, and how long it took.
    pub fn sweep_once(&mut self) -> (u64, Duration) {
        let begun = {
            let mut world = self.world();
            world.now = world.now.plus(GRACE * 2);
            world.now
        };
        self.sweep();
        loop {
            let wake = self.world().next();
            match wake {
                Some(wake @ (Wake::Run(_) | Wake::Deadline(_))) => self.wake(wake),
                Some(_) => {}
                None => break,
            }
            if self.runs.is_empty() {
                break;
            }
        }
        let world = self.world();
        let sent = world.counts.get("sent by a sweep").copied().unwrap_or(0);
        (sent, world.now.since(begun))
    }

    fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::Run(id) => self.step(id),
            Wake::Deadline(id) => {
                if self.runs.contains_key(&id) {
                    self.world().count("timeouts");
                    self.kill(id);
                }
            }
            Wake::Poll(queue) => self.take(queue),
            Wake::Fire(name) => self.world().fire(&name),
            Wake::Plan(number) => self.begin(number),
            Wake::Sweep => self.sweep(),
        }
    }

    fn sweep(&mut self) {
        {
            let mut world = self.world();
            if let Some(until) = world.lambda.throttled(world.now) {
                // Lambda keeps the Scheduler's invocations and makes all of them together
                // afterwards.
                world.count("sweeps throttled");
                for _ in 0..2 {
                    world.at(until, Wake::Sweep);
                }
                return;
            }
            world.sweep_planned = false;
        }
        self.start(RunKind::Sweep, None, None, |ports, deadline| {
            Box::pin(async move {
                let sweeper = Sweeper {
                    deps: ports,
                    grace: GRACE,
                };
                // The next sweep finds what is left after a fault.
                let end = Time::from_millis(deadline.millis() - RECORDING_RESERVE_MILLIS);
                drop(sweeper.sweep(end).await);
                Finish::Quiet
            })
        });
    }

    /// One moment of a run: it dies, or proceeds to its next wait.
    fn step(&mut self, id: RunId) {
        let sleepers = self.world().sleepers.remove(&id);
        sleepers.into_iter().flatten().for_each(Waker::wake);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let dies = {
            let mut world = self
                .world
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let struck = matches!(
                world.strike,
                Some(InjectedFault { kind, at, trouble: None }) if kind == run.kind && at == run.moments
            );
            if struck {
                world.strike = None;
            }
            let crash = if world.faults.only.is_none_or(|kind| kind == run.kind) {
                world.faults.crash
            } else {
                0.0
            };
            struck || world.chance(crash)
        };
        run.moments += 1;
        if dies {
            self.world().count("crashes");
            self.kill(id);
            return;
        }
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(finish) = run.work.as_mut().poll(&mut context) {
            self.finish(id, finish);
        }
    }

    /// The process dies: its messages come back after the visibility timeout.
    fn kill(&mut self, id: RunId) {
        let Some(run) = self.runs.remove(&id) else {
            return;
        };
        {
            let mut world = self.world();
            world.note(|| format!("run {id} {:?} is killed", run.kind));
            world.end(id, true);
            if let Some((queue, _)) = &run.batch {
                let at = world.now;
                world.poll(*queue, at);
            }
        }
        if let Some(number) = run.asked {
            self.again(number);
        }
    }

    fn finish(&mut self, id: RunId, finish: Finish) {
        let Some(run) = self.runs.remove(&id) else {
            return;
        };
        {
            let mut world = self.world();
            world.end(id, false);
            if let (Some((queue, batch)), Finish::Batch(failed)) = (&run.batch, &finish) {
                if let Some((_, fault)) = failed.iter().find(|(_, f)| f.kind == FaultKind::Bug) {
                    world.violation(format!("a panic: {fault}"));
                }
                world.note(|| format!("run {id} {:?} gives back {failed:?}", run.kind));
                let ids: Vec<String> = failed.iter().map(|(id, _)| id.clone()).collect();
                let is_out = world.out_until(Outage::Queues).is_some();
                for message in deleted(batch, &ids) {
                    if is_out {
                        world.count("messages not deleted");
                        continue;
                    }
                    world.queues.delete(*queue, message.receipt);
                    world.did(message.due);
                    if queue.source() == QueueKind::Events {
                        let (key, now) = (key_of(message), world.now);
                        world.handled.insert(key, now);
                    }
                }
                let at = world.now;
                world.poll(*queue, at);
            }
        }
        match finish {
            Finish::Published(number, answer) => match *answer {
                Ok(Ok(published)) => self.accept(number, published.id.to_string(), None),
                Ok(Err(_)) => {}
                Err(_) => {
                    self.world().count("answered 503");
                    self.again(number);
                }
            },
            Finish::Granted(number, Err(_)) => self.again(number),
            Finish::Granted(_, Ok(())) | Finish::Batch(_) | Finish::Quiet => {}
        }
    }

    /// A caller who got no response, or a 503, asks again with the same event.
    pub(crate) fn again(&mut self, number: usize) {
        let mut world = self.world();
        let wait = Duration::from_millis(world.rng.u64(500..5_000));
        // In an outage callers do not ask every two seconds, but about every two minutes.
        let refuses = world.is_out().is_some() || world.lambda.throttled(world.now).is_some();
        let times = if refuses { 40 } else { 1 };
        let at = world.now.plus(wait * times);
        world.at(at, Wake::Plan(number));
    }

    /// When a publication, or another with the same id, was first made.
    fn begun(&self, number: usize, publication: &Publication) -> Option<Time> {
        let is_same = |(other, _): &(&usize, &Time)| match self.plan.get(**other) {
            Some(Planned::Publish(other)) => {
                publication.id.is_some()
                    && (other.tenant, &other.id) == (publication.tenant, &publication.id)
            }
            _ => false,
        };
        let others = self.begun.iter().filter(is_same).map(|(_, at)| *at);
        others.chain(self.begun.get(&number).copied()).min()
    }

    pub(crate) fn accept(&mut self, number: usize, event: String, or_dead: Option<Ulid>) {
        if let Some(Planned::Publish(publication)) = self.plan.get(number)
            && let Some(tenant) = self.tenants.get(publication.tenant)
            && let Some(begun) = self.begun(number, publication)
        {
            if let Ok(draft) = domain::event::parse(body(publication, None).as_bytes()) {
                let mut world = self.world();
                let key = Ulid::floor(world.now);
                explained::accepted(&mut world, &draft.accept(tenant.clone(), key));
            }
            self.accepted.push(Accepted {
                tenant: tenant.clone(),
                event,
                or_dead,
                data: publication.data,
                begun,
            });
        }
    }

    pub(crate) fn start(
        &mut self,
        kind: RunKind,
        batch: Option<(QueueName, Vec<Stored>)>,
        asked: Option<usize>,
        work: impl FnOnce(Ports, Time) -> Work,
    ) {
        let Some(lineage) = self.admit(kind, batch.as_ref(), asked) else {
            return;
        };
        self.started += 1;
        let id = self.started;
        let ports = Ports {
            world: Arc::clone(&self.world),
            run: id,
        };
        let deadline = {
            let mut world = self.world();
            world.start(id, kind, batch.as_ref().map(|(queue, _)| *queue), lineage);
            if kind == RunKind::Sweep {
                let overdue = world.overdue(GRACE);
                world.capacity.sweep_begins(id, overdue);
            }
            world.note(|| format!("run {id} {kind:?} starts"));
            let (now, end) = (world.now, world.now.plus(kind.timeout()));
            world.at(end, Wake::Deadline(id));
            world.at(now, Wake::Run(id));
            // Lambda gives the deadline in the process's own clock.
            world.clock_of(id).plus(kind.timeout())
        };
        let run = Run {
            kind,
            work: work(ports, deadline),
            batch,
            asked,
            moments: 0,
        };
        self.runs.insert(id, run);
    }

    /// Whether Lambda invokes the function, and with what trace header. If not, a queue's messages
    /// stay hidden for the visibility timeout, and a caller asks again.
    fn admit(
        &mut self,
        kind: RunKind,
        batch: Option<&(QueueName, Vec<Stored>)>,
        asked: Option<usize>,
    ) -> Option<Lineage> {
        let mut guard = self.world();
        let world = &mut *guard;
        if world.lambda.throttled(world.now).is_some() && kind != RunKind::Sweep {
            world.count(if batch.is_some() {
                "batches throttled"
            } else {
                "callers throttled"
            });
            drop(guard);
            asked.into_iter().for_each(|number| self.again(number));
            return None;
        }
        let (Some((_, batch)), Some(function)) = (batch, Looping::of(kind)) else {
            return Some(Lineage::default());
        };
        let lineage = world.lambda.admit(batch, function);
        if lineage.is_none() {
            world.count("loops stopped");
        }
        lineage
    }

    /// An event source mapping receives a batch.
    fn take(&mut self, queue: QueueName) {
        let batch = {
            let mut guard = self.world();
            let world = &mut *guard;
            let now = world.now;
            let paused = world.capacity.paused(queue, world.start, now);
            if let Some(until) = paused.or_else(|| world.out_until(Outage::Queues)) {
                world.poll(queue, until);
                return;
            }
            if world.is_at_limit(queue) {
                return;
            }
            let most = world.rng.usize(1..=MAX_BATCH);
            let (batch, moved) = world.queues.receive(queue, most, &mut world.rng, now);
            if moved {
                world.count("moved to a dead-letter queue");
                let dead = if queue == QueueName::Events {
                    QueueName::DeadEvents
                } else {
                    QueueName::DeadDeliveries
                };
                world.poll(dead, now);
            }
            for message in &batch {
                let duplicate = world.faults.duplicate;
                if message.copies > 0 && world.chance(duplicate) {
                    let at = now.plus(Duration::from_millis(world.rng.u64(0..120_000)));
                    world.count("duplicated messages");
                    world.queues.copy(queue, message, at);
                    world.poll(queue, at);
                }
            }
            if let Some(next) = world.queues.next_visible(queue, now) {
                world.poll(queue, next.max(now.plus(Duration::from_millis(1))));
            }
            batch
        };
        if batch.is_empty() {
            return;
        }
        let kind = match queue {
            QueueName::Events => RunKind::EventMessage,
            QueueName::Deliveries | QueueName::Slow => RunKind::DeliveryTask,
            QueueName::Jobs => RunKind::RedriveJob,
            QueueName::DeadEvents | QueueName::DeadDeliveries => RunKind::Dlq,
        };
        let taken = batch.clone();
        self.start(kind, Some((queue, batch)), None, move |ports, deadline| {
            let received = ports.now();
            let receipts = taken.iter().map(|m| Received {
                id: m.id.clone(),
                receipt: m.receipt,
                receives: m.receives,
            });
            let batch = (queue, receipts.collect());
            let messages: Vec<QueueMessage> = taken
                .into_iter()
                .map(|m| QueueMessage {
                    id: m.id,
                    source: queue.source(),
                    body: m.body,
                    sender: m.sender,
                    sent: m.sent,
                    receives: m.receives,
                    received,
                })
                .collect();
            Box::pin(work_off(kind, ports, messages, batch, deadline))
        });
    }
}
