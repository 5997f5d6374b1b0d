//! An entry that fails, or stays due for a reason other than time, delays nothing else.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;

use super::*;
use crate::ids::{DeliveryId, TenantId, WebhookId};
use crate::ports::{DeliveryTask, RedriveJob, RedriveJobMessage, Stage, TaskKind};
use crate::ulid::Ulid;

/// The due entries of each shard. A handled entry disappears, except those that stay due whatever
/// is done.
#[derive(Default)]
struct World {
    due: Mutex<BTreeMap<u8, Vec<Due>>>,
    stays: Vec<Due>,
    fails: Vec<Due>,
    seen_to: Mutex<Vec<Due>>,
}

const NOW: i64 = 1_000_000;

fn task(number: u8) -> DeliveryTask {
    DeliveryTask {
        tenant_id: tenant(),
        delivery_id: DeliveryId {
            event: Ulid::derived(Time::from_millis(1), "e"),
            webhook: WebhookId::new([number; 16]),
        },
        kind: TaskKind::Scheduled(1),
    }
}

fn tenant() -> TenantId {
    "t".parse().unwrap()
}

impl World {
    fn done(&self, due: &Due) -> Result<(), Fault> {
        self.seen_to.lock().unwrap().push(due.clone());
        if self.fails.contains(due) {
            return Err(Fault::transient(Stage::WriteOutcome, "refused"));
        }
        if !self.stays.contains(due) {
            for shard in self.due.lock().unwrap().values_mut() {
                shard.retain(|one| one != due);
            }
        }
        Ok(())
    }
}

one_for_all! {
    World:
    SweeperDeps { Due due, Tasks tasks, Jobs jobs, RedriveJobQueue job_queue, Clock clock }
}

impl DueIndex for World {
    async fn list_overdue(&self, shard: u8, _: Time, limit: u32) -> Result<Vec<Overdue>, Fault> {
        let due = self.due.lock().unwrap();
        let found = due.get(&shard).into_iter().flatten().cloned();
        let since = |due: &Due| match due {
            Due::DeliveryTask(_) => Time::from_millis(NOW - 7_000),
            Due::Erasure(..) => Time::from_millis(NOW - 9_000),
        };
        let found = found.map(|due| Overdue {
            since: since(&due),
            due,
        });
        Ok(found.take(limit as usize).collect())
    }

    async fn postpone(&self, task: &DeliveryTask, _: Time) -> Result<(), Fault> {
        self.done(&Due::DeliveryTask(task.clone()))
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        event: Ulid,
        _: Time,
        _: Option<Time>,
    ) -> Result<Option<Vec<DeliveryTask>>, Fault> {
        self.done(&Due::Erasure(tenant.clone(), event))?;
        Ok(None)
    }
}

impl TaskQueue for World {
    async fn schedule(&self, _: &DeliveryTask, _: Duration) -> Result<(), Fault> {
        Ok(())
    }
}

impl RunningRedriveJobs for World {
    async fn running_jobs(&self) -> Result<Vec<RedriveJob>, Fault> {
        Ok(Vec::new())
    }

    async fn record_continuation(&self, _: &RedriveJob, _: Time) -> Result<(), Fault> {
        Ok(())
    }
}

impl RedriveJobQueue for World {
    async fn enqueue_continuation(&self, _: &RedriveJobMessage, _: Duration) -> Result<(), Fault> {
        Ok(())
    }
}

impl Clock for World {
    fn now(&self) -> Time {
        // Time does not advance: only handled entries end a sweep.
        assert!(
            self.seen_to.lock().unwrap().len() < 1_000,
            "it does not end"
        );
        Time::from_millis(NOW)
    }

    async fn sleep(&self, _: Duration) {}

    fn random_unit(&self) -> f64 {
        0.5
    }

    fn random_bytes(&self) -> [u8; 16] {
        [0; 16]
    }
}

fn sweep(world: World) -> (Swept, Result<(), Fault>, World) {
    let grace = Duration::from_secs(1);
    let sweeper = Sweeper { deps: world, grace };
    let (swept, result) = sweeper
        .sweep(Time::from_millis(2_000_000))
        .now_or_never()
        .unwrap();
    (swept, result, sweeper.deps)
}

#[test]
fn what_stays_due_is_seen_to_once_a_sweep_and_the_rest_all_the_same() {
    let stuck = Due::Erasure(tenant(), Ulid::derived(Time::from_millis(1), "gone"));
    // More than a page in the first shard, and an entry in the last.
    let mut first = vec![stuck.clone()];
    first.extend((0..150).map(|n| Due::DeliveryTask(task(n))));
    let last = vec![Due::DeliveryTask(task(200))];
    let world = World {
        due: Mutex::new(BTreeMap::from([(0, first), (SWEEP_SHARDS - 1, last)])),
        stays: vec![stuck.clone()],
        ..World::default()
    };
    let (swept, result, world) = sweep(world);
    assert_eq!((swept.revived(), result.is_ok()), (151, true));
    // The age of deliveries only: nobody waits for a second erasure.
    assert_eq!(swept.oldest_due, Duration::from_secs(7));
    let seen_to = world.seen_to.into_inner().unwrap();
    assert_eq!(seen_to.iter().filter(|due| **due == stuck).count(), 1);
}

#[test]
fn what_fails_is_answered_and_keeps_neither_its_shard_nor_the_others() {
    let failing = Due::DeliveryTask(task(0));
    let world = World {
        due: Mutex::new(BTreeMap::from([
            (0, vec![failing.clone(), Due::DeliveryTask(task(1))]),
            (3, vec![Due::DeliveryTask(task(2))]),
        ])),
        fails: vec![failing.clone()],
        ..World::default()
    };
    let (swept, result, world) = sweep(world);
    assert_eq!(result.unwrap_err().stage, Stage::WriteOutcome);
    // A delivery that cannot be revived stays due, and is seen as such.
    assert_eq!((swept.deliveries, swept.oldest_due.as_secs()), (2, 7));
    let left: Vec<Due> = world
        .due
        .into_inner()
        .unwrap()
        .into_values()
        .flatten()
        .collect();
    assert_eq!(left, [failing]);
}

#[test]
fn a_sweep_that_finds_nothing_tells_so() {
    let (swept, result, _) = sweep(World::default());
    assert_eq!((swept, result.is_ok()), (Swept::default(), true));
}

#[test]
fn a_sweep_begins_at_any_shard_and_comes_to_each_once() {
    for (random, first) in [(0.0, 0), (0.5, 64), (0.999, 0), (0.99, 127)] {
        let mut order: Vec<u8> = shards_from(random).iter().map(|one| one.number).collect();
        assert_eq!(order[0], first, "{random}");
        order.sort_unstable();
        assert!(order.into_iter().eq(0..SWEEP_SHARDS));
    }
}
