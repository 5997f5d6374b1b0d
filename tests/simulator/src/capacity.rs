//! AWS's limits: write units of a key of the index `due`, the Scheduler's quotas, a queue whose
//! messages nobody takes for a while; and how far a sweep gets within them.
//!
//! A key of an index takes 1,000 write units a second. Beyond that DynamoDB refuses the write of
//! the table itself (Amazon DynamoDB Developer Guide, "Write throttling on a global secondary
//! index": back-pressure). The Scheduler accepts so many schedules a second, has so many, and sends
//! so many messages a second (EventBridge Scheduler User Guide, "Quotas"); what is older than
//! `MaximumEventAgeInSeconds` goes to the dead-letter queue (API Reference, RetryPolicy). Histories
//! are small, so their limits are too.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::Delivery;
use domain::ids::TenantId;
use domain::time::Time;
use domain::ulid::Ulid;

use crate::plan::body;
use crate::queues::QueueName;
use crate::simulation::{Door, Publication, Simulation};
use crate::world::RunId;

/// The limits of a history; `None` is no limit.
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    /// Write units a second of one key of the index.
    pub index_units: Option<f64>,
    /// Schedules created a second.
    pub creations: Option<f64>,
    /// Schedules that exist at the same time.
    pub schedules: Option<usize>,
    /// Messages a second that schedules send.
    pub invocations: Option<f64>,
    /// From when on and for how long every creation is refused.
    pub refused: Option<(Duration, Duration)>,
    /// From when on and for how long no message of the deliveries queue is received.
    pub paused: Option<(Duration, Duration)>,
}

/// What is taken from a limit a second: it holds one second's worth, ten at least.
#[derive(Default)]
struct Bucket {
    used: f64,
    at: Option<Time>,
}

impl Bucket {
    fn drain(&mut self, rate: f64, now: Time) {
        let passed = self.at.map_or(0.0, |at| now.since(at).as_secs_f64());
        self.used = (self.used - passed * rate).max(0.0);
        self.at = Some(now);
    }

    fn has_room(&mut self, rate: f64, now: Time) -> bool {
        self.drain(rate, now);
        self.used + 1.0 <= rate.max(10.0)
    }

    fn takes(&mut self, rate: Option<f64>, now: Time) -> bool {
        let Some(rate) = rate else {
            return true;
        };
        let has_room = self.has_room(rate, now);
        if has_room {
            self.used += 1.0;
        }
        has_room
    }
}

/// A delivery's row in the log.
type Key = (TenantId, String);

#[derive(Default)]
pub(crate) struct Capacity {
    pub(crate) quotas: Quotas,
    index: BTreeMap<u8, Bucket>,
    creations: Bucket,
    invocations: Bucket,
    /// The index's write units, by key.
    pub(crate) units: BTreeMap<u8, u64>,
    /// The same in the present second.
    second: BTreeMap<u8, (i64, u64)>,
    /// How late the latest automatic retry was sent.
    pub(crate) latest: Duration,
    /// The most units of one key in one second.
    pub(crate) worst_second: u64,
    /// What was overdue when a sweep began, and since when.
    begun: BTreeMap<RunId, BTreeMap<Key, Time>>,
    /// How many whole sweeps in a row left a row as it was.
    missed: BTreeMap<Key, (Time, u32)>,
}

/// How many sweeps in a row may leave out what is overdue, less one.
const SWEEPS: u32 = 3;

fn lasts(span: Option<(Duration, Duration)>, start: Time, now: Time) -> Option<Time> {
    let (from, length) = span?;
    let (from, until) = (start.plus(from), start.plus(from + length));
    (from <= now && now < until).then_some(until)
}

impl Capacity {
    /// Whether a key of the index takes another write.
    pub(crate) fn index_takes(&mut self, shard: u8, now: Time) -> bool {
        let Some(rate) = self.quotas.index_units else {
            return true;
        };
        self.index.entry(shard).or_default().has_room(rate, now)
    }

    /// Write units that a write used.
    pub(crate) fn wrote(&mut self, shard: u8, units: u64, now: Time) {
        *self.units.entry(shard).or_default() += units;
        let (second, sum) = self.second.entry(shard).or_default();
        if *second != now.seconds() {
            (*second, *sum) = (now.seconds(), 0);
        }
        *sum += units;
        self.worst_second = self.worst_second.max(*sum);
        if let Some(rate) = self.quotas.index_units {
            let bucket = self.index.entry(shard).or_default();
            bucket.drain(rate, now);
            bucket.used += f64::from(u32::try_from(units).unwrap_or(u32::MAX));
        }
    }

    /// Whether the Scheduler accepts another schedule.
    pub(crate) fn may_create(&mut self, existing: usize, start: Time, now: Time) -> bool {
        lasts(self.quotas.refused, start, now).is_none()
            && self.quotas.schedules.is_none_or(|most| existing < most)
            && self.creations.takes(self.quotas.creations, now)
    }

    /// Whether a schedule may send its message now.
    pub(crate) fn may_invoke(&mut self, now: Time) -> bool {
        self.invocations.takes(self.quotas.invocations, now)
    }

    /// Until when nobody takes messages from a queue.
    pub(crate) fn paused(&self, queue: QueueName, start: Time, now: Time) -> Option<Time> {
        let is_meant = queue == QueueName::Deliveries;
        lasts(self.quotas.paused.filter(|_| is_meant), start, now)
    }

    pub(crate) fn sweep_begins(&mut self, run: RunId, overdue: BTreeMap<Key, Time>) {
        self.begun.insert(run, overdue);
    }

    /// A sweep is over. If no call of it failed, it may have left out what it had no time for.
    /// Returns the rows that were left out too often.
    pub(crate) fn sweep_ends(
        &mut self,
        run: RunId,
        is_whole: bool,
        due_now: impl Fn(&Key) -> Option<Time>,
    ) -> Vec<String> {
        let begun = self.begun.remove(&run).unwrap_or_default();
        if !is_whole {
            return Vec::new();
        }
        let mut broken = Vec::new();
        let before = std::mem::take(&mut self.missed);
        for (key, due) in begun {
            if due_now(&key) != Some(due) {
                continue;
            }
            let earlier = before.get(&key).filter(|(since, _)| *since == due);
            let times = earlier.map_or(0, |(_, times)| *times) + 1;
            if times == SWEEPS {
                let id = &key.1;
                broken.push(format!("{id} is overdue, and {SWEEPS} sweeps left it out"));
            }
            self.missed.insert(key, (due, times));
        }
        broken
    }
}

impl Simulation {
    /// How late the latest automatic retry was sent.
    #[must_use]
    pub fn latest(&self) -> Duration {
        self.world().capacity.latest
    }

    /// The index's write units: all, those of the worst key, and those of the worst second of a
    /// key.
    #[must_use]
    pub fn index_units(&self) -> (u64, u64, u64) {
        let world = self.world();
        let units = &world.capacity.units;
        let worst = units.values().copied().max().unwrap_or(0);
        (units.values().sum(), worst, world.capacity.worst_second)
    }

    /// Adds deliveries of the first tenant that are due and that no message carries. Each belongs
    /// to an event of its own.
    pub fn add_overdue(&mut self, number: u32) {
        let tenant = self.tenants[0].clone();
        let mut world = self.world();
        let due = world.now;
        let Some(webhook) = world.promises.webhooks(&tenant).next().cloned() else {
            return;
        };
        for data in 0..number {
            let publication = Publication {
                tenant: 0,
                door: Door::Http,
                id: None,
                data,
            };
            #[expect(clippy::expect_used, reason = "a body of this crate")]
            let draft = domain::event::parse(body(&publication, None).as_bytes()).expect("a body");
            let key = Ulid::derived(due, &format!("overdue {data}"));
            let event = draft.accept(tenant.clone(), key);
            world.tables.put_event(&event, &[], "earlier");
            let delivery = Delivery::new(&event, &webhook).due_at(due);
            world.tables.create_delivery(&delivery, None, "earlier");
        }
    }
}
