//! The domain's ports over the simulated world; each call has its waits and its faults.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use domain::contract::Secret;
use domain::credential::CredentialUse;
use domain::dead_letter::DeadLetter;
use domain::delivery::{Attempt, Delivery, DisableReason, Verdict};
use domain::event::Event;
use domain::event_type::EventType;
use domain::flow::{
    AWS_CALL_TIMEOUT, DispatcherDeps, DlqConsumerDeps, RedriveRunnerDeps, SlowReceiverDetector,
    SweeperDeps, retry_after,
};
use domain::ids::{DeliveryId, TenantId, WebhookId};
use domain::messages::EarlyTask;
use domain::outcome::{FailureKind, Outcome, OutgoingRequest};
use domain::ports::{
    AttemptContext, Clock, ConfigStore, DeliveryStore, DeliveryTask, DueIndex, EventIdClaim,
    EventIdRequest, EventQueue, Fault, Lease, LeaseResult, Mailer, NotAsked, Notification,
    NotificationKind, OnceName, OrFault as _, Overdue, Redrive, RedriveJob, RedriveJobMessage,
    RedriveJobQueue, RedriveJobStore, RedriveOutcome, RedrivePage, RunningRedriveJobs,
    SecretCipher, Sender, SlowTaskQueue, Stage, StoredEvent, TaskKind, TaskQueue, Telemetry,
};
use domain::tenant::{Subscription, TenantSnapshot, Webhook, WebhookVersion};
use domain::time::Time;
use domain::ulid::Ulid;

use crate::deliveries::shard_of;
use crate::directory::Conditions;
use crate::explained;
use crate::faults::{Access, Guard, Trouble};
use crate::owner::{Change, Wish};
use crate::promises::SEEN_BY_ALL;
use crate::queues::{MAX_BATCH, QueueName};
use crate::receivers::{Seen, address_of};
use crate::tables::resolved;
use crate::world::{RunId, Sent, Wake, World};

/// The principal of Postel's own functions.
pub(crate) const OURSELVES: &str = "AROAPOSTEL";
/// Delays up to this wait in SQS (`DelaySeconds`).
const MAX_SQS_DELAY: Duration = Duration::from_secs(900);
/// The maximum run time of a dispatcher.
const DISPATCHER_LIFE: Duration = Duration::from_secs(80);
/// The maximum age of a cached snapshot.
const CACHED: Duration = Duration::from_secs(10);

/// How often the SDK tries a call that is throttled.
const SDK_TRIES: u32 = 6;

/// The maximum difference of two clocks.
const SKEW_MILLIS: u64 = 4_000;

/// The effect of a call that is made twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    /// It is executed twice: a conditional write, a message.
    Again,
    /// It is executed once: a read, a transaction (the SDK's token), a schedule (its name).
    Once,
    /// The SDK does not repeat it: the caller must handle that it may have been executed.
    Never,
}

/// The data of a message that a batch's response needs.
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) receipt: u64,
    pub(crate) receives: u32,
}

/// The ports of one run.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) run: RunId,
}

impl Ports {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn wait(&self, length: Duration) {
        let mut until = None;
        poll_fn(|context| {
            let mut world = self.world();
            let now = world.now;
            let until = *until.get_or_insert_with(|| {
                let end = now.plus(length);
                world.at(end, Wake::Run(self.run));
                end
            });
            if now >= until {
                Poll::Ready(())
            } else {
                let waker = context.waker().clone();
                world.sleepers.entry(self.run).or_default().push(waker);
                Poll::Pending
            }
        })
        .await;
    }

    /// One outside call, as the SDK makes it: it waits for the response for [`AWS_CALL_TIMEOUT`] in
    /// total. A call whose response is later has been executed all the same.
    async fn call<T: Send>(
        &self,
        stage: Stage,
        twice: Twice,
        effect: impl FnMut(&mut World) -> T + Send,
    ) -> Result<T, Fault> {
        self.call_as(Access::of(stage), stage, twice, effect).await
    }

    /// The same for a stage that does not show how the call uses the tables.
    async fn call_as<T: Send>(
        &self,
        access: Access,
        stage: Stage,
        twice: Twice,
        mut effect: impl FnMut(&mut World) -> T + Send,
    ) -> Result<T, Fault> {
        let (latency, trouble, outage) = {
            let mut world = self.world();
            let latency = world.latency().min(AWS_CALL_TIMEOUT);
            let trouble = world.trouble(self.run);
            (latency, trouble, world.outage_of(self.run, access))
        };
        self.wait(latency).await;
        if let Some(outage) = outage {
            if outage.is_silent() {
                self.perhaps(&mut effect);
                self.wait(AWS_CALL_TIMEOUT.saturating_sub(latency)).await;
            }
            return Err(Fault::transient(stage, "the service is out"));
        }
        if trouble == Some(Trouble::Refused) {
            return Err(Fault::transient(stage, "refused"));
        }
        let mut left = AWS_CALL_TIMEOUT.saturating_sub(latency);
        let mut answer = self.land(&mut effect);
        let mut answered = self.answer(&mut left).await;
        if matches!(trouble, Some(Trouble::Unanswered | Trouble::Repeated)) {
            answered = false;
        }
        if trouble == Some(Trouble::Repeated) && twice != Twice::Never && !left.is_zero() {
            if twice == Twice::Again {
                answer = self.land(&mut effect);
            }
            answered = self.answer(&mut left).await;
        }
        match (answered, twice) {
            (true, _) => Ok(answer),
            (false, Twice::Never) => Err(Fault::transient(Stage::Ambiguous, "no answer")),
            (false, _) => Err(Fault::transient(stage, "no answer")),
        }
    }

    /// Waits while the index refuses a write of an event's delivery, as the SDK does.
    async fn index_takes(&self, event: Ulid, stage: Stage) -> Result<(), Fault> {
        for _ in 0..SDK_TRIES {
            {
                let mut world = self.world();
                let now = world.now;
                if world.capacity.index_takes(shard_of(event), now) {
                    return Ok(());
                }
                world.count("writes throttled");
            }
            self.wait(AWS_CALL_TIMEOUT / SDK_TRIES).await;
        }
        let mut world = self.world();
        world.count("writes refused by the index");
        world.excuse(self.run);
        Err(Fault::transient(stage, "throttled"))
    }

    /// Half of the calls without a response are executed.
    fn perhaps<T>(&self, effect: &mut impl FnMut(&mut World) -> T) {
        if self.world().rng.bool() {
            self.land(effect);
        }
    }

    /// A call is executed.
    fn land<T>(&self, effect: &mut impl FnMut(&mut World) -> T) -> T {
        let mut world = self.world();
        world.calling = Some(self.run);
        let answer = effect(&mut world);
        world.charge();
        world.calling = None;
        answer
    }

    /// Waits for a response, for at most `left`. Returns whether it came.
    async fn answer(&self, left: &mut Duration) -> bool {
        let latency = self.world().latency();
        self.wait(latency.min(*left)).await;
        let in_time = latency < *left;
        *left = left.saturating_sub(latency);
        if !in_time {
            let mut world = self.world();
            world.count("too late");
            world.excuse(self.run);
        }
        in_time
    }

    /// The outcome of a sent request is recorded. `counted` prevents that the SDK's repetition of
    /// the write counts as another request.
    fn recorded(
        &self,
        world: &mut World,
        (event, webhook): (&str, &WebhookId),
        won: bool,
        counted: &mut bool,
    ) {
        if std::mem::replace(counted, true) {
            return;
        }
        let Some(run) = world.running.get_mut(&self.run) else {
            return;
        };
        let Some(at) = run
            .sent
            .iter()
            .position(|sent| sent.event == event && sent.webhook == *webhook)
        else {
            return;
        };
        let sent = run.sent.swap_remove(at);
        if !won {
            world.count("twins");
            *world.twins.entry((sent.event, sent.webhook)).or_default() += 1;
        }
    }
}

/// Implements a flow's accessors for a type that has one value for all its systems.
macro_rules! one_for_all {
    ($one:ty: $($deps:ident { $($system:ident $accessor:ident),+ })+) => {
        $(impl $deps for $one {
            $(type $system = Self;
            fn $accessor(&self) -> &Self {
                self
            })+
        })+
    };
}

one_for_all! {
    Ports:
    DispatcherDeps { Store store, Config config, Tasks tasks, Sender sender, Cipher cipher, Mailer mailer, Telemetry telemetry, Clock clock }
    DlqConsumerDeps { Store store, Config config, Telemetry telemetry, Clock clock }
    RedriveRunnerDeps { Jobs jobs, Redrive redrive, Tasks tasks, RedriveJobQueue job_queue, Clock clock }
    SweeperDeps { Due due, Tasks tasks, Jobs jobs, RedriveJobQueue job_queue, Clock clock }
}

impl ConfigStore for Ports {
    async fn tenant_snapshot(
        &self,
        tenant: &TenantId,
        not_older_than: Time,
    ) -> Result<Option<Arc<TenantSnapshot>>, Fault> {
        self.call(Stage::ReadConfig, Twice::Once, |world| {
            let oldest = Time::from_millis(world.now.millis() - 10_000);
            debug_assert_eq!(CACHED, world.now.since(oldest));
            let old = world.rng.bool();
            let from = match world.without {
                Some(Guard::SnapshotIsFresh) => oldest,
                Some(Guard::SnapshotIsRecent) => not_older_than,
                _ => not_older_than.max(oldest),
            };
            world.directory.tenant_snapshot(tenant, from, old)
        })
        .await
    }

    async fn switch_off(
        &self,
        of: &WebhookVersion,
        reason: DisableReason,
        now: Time,
    ) -> Result<bool, Fault> {
        self.call(Stage::WriteConfig, Twice::Again, |world| {
            let is_current = world.directory.is_current(of);
            let holds = is_current || !world.has(Guard::SwitchOffChecksVersion);
            let at = world.now;
            let did = holds && world.directory.switch_off(of, reason, now, at);
            world.note(|| format!("{} is to be switched off, {reason:?}: {did}", of.webhook));
            if did {
                world.count("switched off by an outcome");
                let posts = &world.receivers.posts;
                let wrong = world.promises.switched_off(&of.webhook, reason, posts, at);
                wrong.into_iter().for_each(|wrong| world.violation(wrong));
            } else if !is_current
                && let Some(webhook) = world.directory.webhook(&of.tenant, &of.webhook)
                && webhook.active
            {
                world.count("outcomes of an older version that switch nothing off");
            }
            did
        })
        .await
    }

    async fn record_warning_if_due(&self, of: &WebhookVersion, now: Time) -> Result<bool, Fault> {
        self.call(Stage::WriteConfig, Twice::Again, |world| {
            world.directory.is_current(of)
                && world.directory.record_warning_if_due(&of.webhook, now)
        })
        .await
    }

    async fn type_name(&self, _: &EventType) -> Result<Option<String>, Fault> {
        self.call(Stage::ReadConfig, Twice::Once, |_| None).await
    }

    async fn mark_slow(&self, of: &WebhookVersion, now: Time) -> Result<bool, Fault> {
        self.call(Stage::WriteConfig, Twice::Again, |world| {
            world.directory.is_current(of)
                && world.directory.mark(&of.tenant, &of.webhook, None, now)
        })
        .await
    }

    async fn unmark_slow(&self, of: &WebhookVersion, since: Time) -> Result<bool, Fault> {
        self.call(Stage::WriteConfig, Twice::Again, |world| {
            let now = world.now;
            world.directory.is_current(of)
                && world
                    .directory
                    .mark(&of.tenant, &of.webhook, Some(since), now)
        })
        .await
    }

    /// At once and without faults, as nothing depends on this mark: so the histories are the same
    /// as without it.
    async fn mark_failing(&self, of: &WebhookVersion, since: Time) -> Result<bool, Fault> {
        let mut world = self.world();
        let now = world.now;
        Ok(world.directory.is_current(of) && world.directory.mark_failing(of, None, since, now))
    }

    async fn unmark_failing(&self, of: &WebhookVersion, since: Time) -> Result<bool, Fault> {
        let mut world = self.world();
        let (now, current) = (world.now, Some(since));
        Ok(world.directory.is_current(of) && world.directory.mark_failing(of, current, since, now))
    }
}

/// The management API's use of webhooks.
impl Ports {
    pub(crate) async fn webhook(&self, wish: &Wish) -> Result<Option<Webhook>, Fault> {
        self.call(Stage::ReadConfig, Twice::Once, |world| {
            let found = world.directory.webhook(&wish.tenant, &wish.webhook);
            found.cloned()
        })
        .await
    }

    /// False if another caller wrote it since `before` was read, or it is gone.
    pub(crate) async fn put_webhook(
        &self,
        wish: &Wish,
        before: &Webhook,
        after: &Webhook,
        asked_at: Time,
    ) -> Result<bool, Fault> {
        self.call(Stage::WriteConfig, Twice::Once, |world| {
            let now = world.now;
            let has = Conditions {
                put_checks_what_it_read: world.has(Guard::PutChecksWhatItRead),
                put_keeps_the_warning: world.has(Guard::PutKeepsTheWarning),
            };
            let did = world.directory.put(before, after, has, now);
            world.note(|| format!("{wish:?}: {did}"));
            if did {
                let mut told = wish.clone();
                if let (Change::Rotate(overlap), false) =
                    (wish.change, world.has(Guard::RotationEndsOlderSecrets))
                {
                    told.change = Change::Rotate(overlap / 2);
                }
                let what = world.promises.change(&told, asked_at, now);
                world.count(what);
            }
            did
        })
        .await
    }

    pub(crate) async fn delete_webhook(&self, wish: &Wish) -> Result<(), Fault> {
        self.call(Stage::WriteConfig, Twice::Once, |world| {
            let now = world.now;
            if world.directory.delete(&wish.tenant, &wish.webhook, now) {
                world.note(|| format!("{wish:?}"));
                let what = world.promises.change(wish, now, now);
                world.count(what);
            }
        })
        .await
    }
}

impl DeliveryStore for Ports {
    async fn get_event(&self, tenant: &TenantId, event: Ulid) -> Result<Option<Event>, Fault> {
        Ok(self
            .get_stored_event(tenant, event)
            .await?
            .map(|record| record.event))
    }

    async fn get_stored_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> Result<Option<StoredEvent>, Fault> {
        self.call(Stage::ReadStore, Twice::Once, |world| {
            world.tables.get_stored_event(tenant, event)
        })
        .await
    }

    async fn put_event(
        &self,
        event: &Event,
        inline: &[Delivery],
        owner: &str,
    ) -> Result<bool, Fault> {
        let mut counted = vec![false; inline.len()];
        self.call(Stage::WriteOutcome, Twice::Again, |world| {
            let won = world.tables.put_event(event, inline, owner);
            world.note(|| format!("store {} with {}: {won}", event.id, inline.len()));
            for (delivery, counted) in inline.iter().zip(&mut counted).filter(|_| won) {
                let what = (event.id.as_str(), &delivery.id.webhook);
                self.recorded(world, what, true, counted);
            }
            won
        })
        .await
    }

    async fn create_delivery(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> Result<bool, Fault> {
        let twice = if dead.is_some() {
            Twice::Once
        } else {
            Twice::Again
        };
        let mut counted = false;
        if delivery.next_attempt_at.is_some() {
            let event = delivery.id.event;
            self.index_takes(event, Stage::WriteOutcome).await?;
        }
        self.call(Stage::WriteOutcome, twice, |world| {
            let won = world.tables.create_delivery(delivery, dead, owner);
            world.note(|| format!("open {} {:?}: {won}", delivery.id, delivery.status));
            let what = (delivery.event_id.as_str(), &delivery.id.webhook);
            self.recorded(world, what, won, &mut counted);
            won
        })
        .await
    }

    async fn acquire_lease(
        &self,
        task: &DeliveryTask,
        lease: &Lease,
        now: Time,
    ) -> Result<LeaseResult, Fault> {
        self.call(Stage::AcquireLease, Twice::Again, |world| {
            let claim = world.tables.acquire_lease(task, lease, now);
            if let LeaseResult::Acquired(delivery) = &claim
                && let Some(run) = world.running.get_mut(&self.run)
            {
                let due = delivery
                    .next_attempt_at
                    .filter(|_| matches!(task.kind, TaskKind::Scheduled(_)));
                run.leases
                    .push((task.tenant_id.clone(), task.delivery_id.clone(), due));
            }
            world.note(|| {
                format!(
                    "claim {} {:?} by {}: {}",
                    task.delivery_id,
                    task.kind,
                    lease.owner,
                    name(&claim)
                )
            });
            claim
        })
        .await
    }

    async fn archive_last_attempt(&self, claimed: &Delivery) -> Result<(), Fault> {
        if claimed.last_attempt.is_none() {
            return Ok(());
        }
        // The earlier attempt is stored separately.
        self.call(Stage::WriteOutcome, Twice::Again, |_| ()).await
    }

    async fn complete_attempt(
        &self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> Result<bool, Fault> {
        let twice = if dead.is_some() || resolved(before, after).is_some() {
            Twice::Once
        } else {
            Twice::Again
        };
        let mut counted = false;
        self.index_takes(before.id.event, Stage::WriteOutcome)
            .await?;
        self.call(Stage::WriteOutcome, twice, |world| {
            let now = world.now;
            let won = world
                .tables
                .complete_attempt(before, after, dead, owner, now);
            world.note(|| format!("commit {} {:?} by {owner}: {won}", after.id, after.status));
            if won {
                let what = (before.event_id.as_str(), &before.id.webhook);
                self.recorded(world, what, true, &mut counted);
            }
            if let Some(run) = world.running.get_mut(&self.run) {
                run.leases
                    .retain(|(tenant, id, _)| *tenant != before.tenant || *id != before.id);
            }
            won
        })
        .await
    }

    async fn claim_event_id(&self, request: &EventIdRequest<'_>) -> Result<EventIdClaim, Fault> {
        self.call(Stage::AcquireLease, Twice::Again, |world| {
            let claim = world.tables.claim_event_id(request);
            world.note(|| format!("claim {} by {}: {claim:?}", request.name, request.owner));
            claim
        })
        .await
    }

    async fn mark_event_id_accepted(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> Result<(), Fault> {
        self.call(Stage::AcquireLease, Twice::Again, |world| {
            world.tables.mark_event_id_accepted(tenant, name, owner);
        })
        .await
    }

    async fn require_lease_for_first_attempts(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
    ) -> Result<(), Fault> {
        self.call(Stage::WriteOutcome, Twice::Again, |world| {
            world.note(|| format!("{event} is announced again"));
            world
                .tables
                .require_lease_for_first_attempts(tenant, event, now);
        })
        .await
    }

    async fn release_event_id(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> Result<(), Fault> {
        self.call(Stage::AcquireLease, Twice::Again, |world| {
            world.tables.release_event_id(tenant, name, owner);
        })
        .await
    }

    async fn request_manual_retry(
        &self,
        tenant: &TenantId,
        delivery: &DeliveryId,
        token: &str,
        now: Time,
    ) -> Result<Result<String, NotAsked>, Fault> {
        self.call(Stage::AcquireLease, Twice::Again, |world| {
            world.note(|| format!("manual {token} for {delivery}"));
            world
                .tables
                .request_manual_retry(tenant, delivery, token, now)
        })
        .await
    }

    async fn redrive_delivery(
        &self,
        dead: &DeadLetter,
        job: Option<Ulid>,
        now: Time,
    ) -> Result<Option<Delivery>, Fault> {
        // It reads the record first, as the real table does.
        self.call(Stage::ReadStore, Twice::Once, |_| ()).await?;
        self.call(Stage::WriteOutcome, Twice::Once, |world| {
            let delivery = world.tables.redrive_delivery(dead, job, now)?;
            world.note(|| format!("revive {} of {:?}", delivery.id, dead.id));
            Some(delivery)
        })
        .await
    }

    async fn put_dead_letter(&self, dead: &DeadLetter) -> Result<(), Fault> {
        self.call(Stage::DeadLetter, Twice::Again, |world| {
            world.note(|| format!("put dead letter {:?}: {:?}", dead.id, dead.reason));
            world.tables.put_dead_letter(dead);
        })
        .await
    }
}

fn name(claim: &LeaseResult) -> &'static str {
    match claim {
        LeaseResult::Acquired(_) => "ours",
        LeaseResult::Held(_) => "busy",
        LeaseResult::Superseded(_) => "stale",
        LeaseResult::NotFound => "missing",
    }
}

impl DueIndex for Ports {
    async fn list_overdue(&self, shard: u8, now: Time, limit: u32) -> Result<Vec<Overdue>, Fault> {
        debug_assert!(shard < World::shards());
        self.call(Stage::ReadStore, Twice::Once, |world| {
            // A page may contain fewer entries than requested.
            let most = world.rng.usize(1..=limit as usize);
            world.tables.list_overdue(shard, now, most)
        })
        .await
    }

    async fn postpone(&self, task: &DeliveryTask, until: Time) -> Result<(), Fault> {
        let event = task.delivery_id.event;
        self.index_takes(event, Stage::Enqueue).await?;
        self.call_as(Access::Write, Stage::Enqueue, Twice::Again, |world| {
            world.tables.postpone(task, until);
        })
        .await
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> Result<Option<Vec<DeliveryTask>>, Fault> {
        self.call(Stage::WriteOutcome, Twice::Again, |world| {
            world.note(|| format!("erase {event}, again {again:?}"));
            world.tables.erase(tenant, event, now, again)
        })
        .await
    }
}

impl TaskQueue for Ports {
    async fn schedule(&self, task: &DeliveryTask, delay: Duration) -> Result<(), Fault> {
        let body = serde_json::to_string(task).or_bug(Stage::Enqueue)?;
        if delay <= MAX_SQS_DELAY {
            let whole = Duration::from_secs(delay.as_secs() + u64::from(delay.subsec_nanos() > 0));
            return self
                .call(Stage::Enqueue, Twice::Again, |world| {
                    world.send(QueueName::Deliveries, body.clone(), OURSELVES, whole);
                })
                .await;
        }
        let at = self.now().plus(delay);
        let second = at.plus(Duration::from_millis(999)).seconds();
        let name = match &task.kind {
            TaskKind::Scheduled(sequence) => format!("{}-{sequence}-{second}", task.delivery_id),
            TaskKind::Manual(token) => format!("{}-{token}-{second}", task.delivery_id),
        };
        let created = self
            .call_as(Access::Schedule, Stage::Enqueue, Twice::Once, |world| {
                let (now, existing) = (world.now, world.queues.schedules.len());
                let may = world.capacity.may_create(existing, world.start, now);
                if may {
                    world.schedule(name.clone(), body.clone(), at);
                }
                may
            })
            .await;
        if let Ok(true) = created {
            return Ok(());
        }
        // As `adapters::task_queue`: what the Scheduler refuses waits in SQS.
        let early = EarlyTask {
            task: task.clone(),
            due: Some(at.millis()),
        };
        let body = serde_json::to_string(&early).or_bug(Stage::Enqueue)?;
        self.call(Stage::Enqueue, Twice::Again, |world| {
            world.count("sent early");
            world.send(
                QueueName::Deliveries,
                body.clone(),
                OURSELVES,
                MAX_SQS_DELAY,
            );
        })
        .await
    }

    async fn send_now(&self, tasks: &[DeliveryTask]) -> Vec<Result<(), Fault>> {
        let mut results = Vec::new();
        for batch in tasks.chunks(MAX_BATCH) {
            results.extend(self.send_batch(batch).await);
        }
        results
    }
}

impl Ports {
    /// One request; SQS may accept some messages and refuse others.
    async fn send_batch(&self, tasks: &[DeliveryTask]) -> Vec<Result<(), Fault>> {
        let sent = self
            .call(Stage::Enqueue, Twice::Again, |world| {
                let mut taken = Vec::new();
                for task in tasks {
                    let of = world.faults.refused;
                    let is_taken = tasks.len() == 1 || !world.chance(of);
                    if is_taken && let Ok(body) = serde_json::to_string(task) {
                        world.count("sent by a sweep");
                        world.send(QueueName::Deliveries, body, OURSELVES, Duration::ZERO);
                    }
                    taken.push(is_taken);
                }
                taken
            })
            .await;
        let refused = || Err(Fault::transient(Stage::Enqueue, "refused"));
        let taken = sent.unwrap_or_else(|_| vec![false; tasks.len()]);
        if taken.contains(&false) {
            self.world().excuse(self.run);
        }
        let results = taken.into_iter();
        results
            .map(|is_taken| if is_taken { Ok(()) } else { refused() })
            .collect()
    }
}

impl Ports {
    /// Sets when each failed message comes back, as `adapters::sqs_event` does: one request for the
    /// batch, none if all of it waits for the queue's visibility timeout or there is no time for
    /// it.
    pub(crate) async fn give_back(
        &self,
        (queue, batch): &(QueueName, Vec<Received>),
        failed: &[(String, Fault)],
        deadline: Time,
    ) {
        let soon: Vec<(u64, Duration)> = batch
            .iter()
            .filter_map(|message| {
                let (_, fault) = failed.iter().find(|(id, _)| *id == message.id)?;
                let after = retry_after(fault, message.receives, self.random_unit())?;
                // SQS hides for whole seconds.
                Some((message.receipt, Duration::from_secs(after.as_secs())))
            })
            .collect();
        {
            let mut world = self.world();
            let stays_hidden = world.faults.stays_hidden;
            if !world.has(Guard::FailedComesBackSoon) || world.chance(stays_hidden) {
                return;
            }
        }
        if soon.is_empty() || deadline.since(self.now()) <= AWS_CALL_TIMEOUT {
            return;
        }
        let hidden = self.call(Stage::Enqueue, Twice::Again, |world| {
            for (receipt, after) in &soon {
                let until = world.now.plus(*after);
                world.queues.hide(*queue, *receipt, until);
                world.count("given back sooner");
            }
        });
        // Without the request they wait for the visibility timeout.
        drop(hidden.await);
    }

    /// The memory of the process that this batch came to.
    pub(crate) fn slow_receivers(&self) -> Arc<SlowReceiverDetector> {
        let world = self.world();
        let process = world.running.get(&self.run).and_then(|run| run.process);
        process
            .map(|id| world.processes.slow_receivers(id))
            .unwrap_or_default()
    }
}

impl SlowTaskQueue for Ports {
    async fn send_slow(&self, task: &DeliveryTask) -> Result<(), Fault> {
        let body = serde_json::to_string(task).or_bug(Stage::Enqueue)?;
        self.call(Stage::Enqueue, Twice::Again, |world| {
            world.count("sent to the slow lane");
            world.send(QueueName::Slow, body.clone(), OURSELVES, Duration::ZERO);
        })
        .await
    }
}

impl EventQueue for Ports {
    async fn send(&self, tenant: &TenantId, event: Ulid, again: bool) -> Result<(), Fault> {
        match self.send_all(tenant, &[event], again).await.pop() {
            Some((_, fault)) => Err(fault),
            None => Ok(()),
        }
    }

    async fn send_all(
        &self,
        tenant: &TenantId,
        events: &[Ulid],
        again: bool,
    ) -> Vec<(Ulid, Fault)> {
        let delay = if again {
            DISPATCHER_LIFE
        } else {
            Duration::ZERO
        };
        let sent = self
            .call(Stage::Enqueue, Twice::Never, |world| {
                let mut refused = Vec::new();
                for event in events {
                    // SendMessageBatch may accept some messages and refuse others.
                    let of = world.faults.refused;
                    if events.len() > 1 && world.chance(of) {
                        refused.push(*event);
                    } else {
                        let body = announcement(tenant, *event);
                        world.send(QueueName::Events, body, OURSELVES, delay);
                    }
                }
                refused
            })
            .await;
        let (refused, stage) = match sent {
            Ok(refused) => (refused, Stage::Enqueue),
            Err(fault) => (events.to_vec(), fault.stage),
        };
        refused
            .into_iter()
            .map(|event| (event, Fault::transient(stage, "refused")))
            .collect()
    }
}

fn announcement(tenant: &TenantId, event: Ulid) -> String {
    // Not the domain's type, which reads it: the simulator defines the written form independently.
    serde_json::json!({"tenantId": tenant.as_str(), "stored": event.to_string()}).to_string()
}

impl Sender for Ports {
    async fn post(&self, request: &OutgoingRequest, _: &AttemptContext<'_>) -> Outcome {
        let begun = self.world().now;
        let outcome = self.posted(request).await;
        self.gave(request, begun);
        outcome
    }
}

impl Ports {
    async fn posted(&self, request: &OutgoingRequest) -> Outcome {
        let latency = self.world().latency();
        self.wait(latency).await;
        let (took, outcome, number) = {
            let mut guard = self.world();
            let world = &mut *guard;
            let now = world.now;
            let (took, outcome) = world.receivers.take(request, &mut world.rng, now);
            self.left(world, request);
            meet(world, request, took.min(request.timeout));
            (took, outcome, world.receivers.posts.len() - 1)
        };
        // Connecting counts.
        let left = request.timeout.saturating_sub(latency);
        if took >= left {
            self.wait(left).await;
            self.world().receivers.posts[number].seen = Seen::Failure;
            return Outcome::failure(FailureKind::Timeout, "no answer in time");
        }
        self.wait(took).await;
        self.world().receivers.posts[number].seen = match outcome {
            Outcome::Response { status, .. } => Seen::Status(status),
            Outcome::Failure { .. } => Seen::Failure,
        };
        outcome
    }

    /// An attempt kept its process busy from `begun` until now.
    fn gave(&self, request: &OutgoingRequest, begun: Time) {
        let mut guard = self.world();
        let world = &mut *guard;
        let (webhook, _) = address_of(request);
        if let Some(run) = world.running.get(&self.run)
            && run.queue != Some(QueueName::Slow)
            && let Some(process) = run.process
            && let Some(tenant) = world.promises.owner(&webhook)
        {
            let whose = (tenant, webhook);
            world.processes.gave(process, whose, (begun, world.now));
        }
    }

    /// A request has left: no other request of the same delivery may be in flight, unless both are
    /// first attempts of duplicate messages.
    fn left(&self, world: &mut World, request: &OutgoingRequest) {
        let Some(post) = world.receivers.posts.last().cloned() else {
            return;
        };
        if let Some(wrong) = world.promises.judge(&post, request, world.now) {
            world.violation(wrong);
        }
        let is_of = |tenant: &TenantId, id: &DeliveryId| {
            id.webhook == post.webhook && world.is_key_of(&post.event, tenant, id.event)
        };
        let lease = world
            .running
            .get(&self.run)
            .and_then(|run| {
                run.leases
                    .iter()
                    .rev()
                    .find(|(tenant, id, _)| is_of(tenant, id))
            })
            .cloned();
        let leased = lease.is_some();
        if let Some((tenant, id, _)) = &lease {
            let record = world.tables.get_stored_event(tenant, id.event);
            let erased_at = record.and_then(|record| record.event.payload.erased_at());
            let began = world.running.get(&self.run).map(|run| run.began);
            let late = erased_at.zip(began).map(|(at, began)| began.since(at));
            if late.is_some_and(|late| late > Duration::from_millis(SKEW_MILLIS)) {
                world.violation(format!("{id} was sent after it was erased"));
            }
        }
        if let Some((_, id, Some(due))) = &lease {
            let early = due.since(world.now);
            let most = Duration::from_secs(1)
                + Duration::from_millis(world.faults.skew_millis.unsigned_abs());
            if early > most {
                world.violation(format!("{id} is tried {early:?} before it is due"));
            }
        }
        let due = lease.as_ref().and_then(|(_, _, due)| *due);
        if let Some(wrong) = explained::arrived(world, &post, request, due) {
            world.violation(wrong);
        }
        if let Some(due) = due {
            world.retried(due);
        }
        let marked = world.directory.slow_since(&post.webhook);
        let queue = world.running.get(&self.run).and_then(|run| run.queue);
        if queue != Some(QueueName::Slow)
            && marked.is_some_and(|since| world.now.since(since) > SEEN_BY_ALL)
        {
            world.violation(format!(
                "{} is slow, and {} is tried elsewhere than on the slow lane",
                post.webhook, post.event
            ));
        }
        let sent = Sent {
            event: post.event.clone(),
            webhook: post.webhook.clone(),
            leased,
        };
        let meets = world
            .running
            .iter()
            .any(|(id, run)| *id != self.run && leased && run.sent.contains(&sent));
        world.note(|| {
            format!(
                "POST {} to {} taken {}",
                post.event, post.webhook, post.taken
            )
        });
        world.count("posts");
        if meets {
            world.violation(format!(
                "two attempts of {} to {} at once",
                post.event, post.webhook
            ));
        }
        if let Some(run) = world.running.get_mut(&self.run) {
            run.sent.push(sent);
        }
    }
}

/// Changes that wait for a POST are made before its response: preferably one that fails, which may
/// change the webhook itself.
fn meet(world: &mut World, request: &OutgoingRequest, took: Duration) {
    let (webhook, _) = address_of(request);
    let is_taken = world.receivers.posts.last().is_some_and(|post| post.taken);
    let is_there = world.directory.places().any(|(_, id)| id == webhook);
    if let Some(tenant) = world.promises.owner(&webhook)
        && is_there
        && (!is_taken || world.rng.u32(0..4) == 0)
        && let Some(number) = world.meets.pop()
    {
        world.met.insert(number, (tenant, webhook));
        let within = u64::try_from(took.as_millis()).unwrap_or(0);
        let at = world
            .now
            .plus(Duration::from_millis(world.rng.u64(0..=within)));
        world.at(at, Wake::Plan(number));
    }
}

impl SecretCipher for Ports {
    async fn decrypt(
        &self,
        _: &Subscription,
        _: CredentialUse<'_>,
        cipher: &str,
    ) -> Result<Secret, Fault> {
        self.call(Stage::Decrypt, Twice::Once, |_| {
            Secret::new(cipher.to_owned())
        })
        .await
    }
}

impl Mailer for Ports {
    async fn send(&self, _: &str, notification: &Notification) {
        let sent = self.call(Stage::SendMail, Twice::Once, |world| {
            world.mails += 1;
            let now = world.now;
            if notification.kind == NotificationKind::Warning {
                world.count("warnings");
                if world.promises.warned(&notification.webhook, now) {
                    world.violation(format!("{} is warned of twice a day", notification.webhook));
                }
            }
        });
        // A failed mail is not a fault.
        drop(sent.await);
    }
}

impl Telemetry for Ports {
    fn attempt_finished(&self, delivery: &Delivery, attempt: &Attempt, _: Verdict) {
        let mut world = self.world();
        world.count("attempts");
        if let Outcome::Failure {
            kind: FailureKind::Unsigned,
            ..
        } = attempt.outcome
        {
            let webhook = &delivery.id.webhook;
            world.violation(format!("{webhook} has nothing to sign with"));
        }
    }

    fn first_attempt_finished(&self, _: Duration) {
        self.world().count("first attempts in time");
    }

    fn message_rejected(&self, _: &DeadLetter) {
        self.world().count("messages refused");
    }

    fn message_unreadable(&self, _: &str, _: &Fault) {
        self.world().count("messages unreadable");
    }

    fn message_lost(&self, _: &Delivery) {
        self.world().count("left to the sweeper");
    }

    fn delivery_abandoned(&self, _: &DeadLetter) {
        self.world().count("given up");
    }

    fn event_accepted(&self) {
        self.world().count("accepted by SQS");
    }

    fn slow_lane_changed(&self, of: &WebhookVersion, is_slow: bool) {
        let mut world = self.world();
        world.note(|| format!("{} is slow: {is_slow}", of.webhook));
        world.count(if is_slow {
            "marked slow"
        } else {
            "no longer slow"
        });
    }
}

impl Clock for Ports {
    fn now(&self) -> Time {
        self.world().clock_of(self.run)
    }

    fn sleep(&self, length: Duration) -> impl Future<Output = ()> + Send {
        self.wait(length)
    }

    fn random_unit(&self) -> f64 {
        self.world().rng.f64()
    }

    fn random_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.world().rng.fill(&mut bytes);
        bytes
    }
}

impl RedriveJobStore for Ports {
    async fn job(&self, _: &TenantId, id: Ulid) -> Result<Option<RedriveJob>, Fault> {
        self.call(Stage::ReadStore, Twice::Once, |world| {
            world.jobs.jobs.get(&id).cloned()
        })
        .await
    }

    async fn page(&self, job: &RedriveJob, limit: usize) -> Result<RedrivePage, Fault> {
        self.call(Stage::ReadStore, Twice::Once, |world| {
            let (letters, next) = world.tables.dead_letters.step(
                &job.tenant,
                job.id,
                job.filter.until,
                job.cursor.as_deref(),
                limit,
            );
            RedrivePage {
                dead_letters: letters,
                next,
            }
        })
        .await
    }

    async fn save(
        &self,
        before: &RedriveJob,
        after: &RedriveJob,
        writer: &str,
    ) -> Result<bool, Fault> {
        self.call(Stage::DeadLetter, Twice::Again, |world| {
            world.jobs.save(before, after, writer)
        })
        .await
    }
}

impl RunningRedriveJobs for Ports {
    async fn running_jobs(&self) -> Result<Vec<RedriveJob>, Fault> {
        self.call_as(Access::Read, Stage::DeadLetter, Twice::Once, |world| {
            world.jobs.running()
        })
        .await
    }

    async fn record_continuation(&self, job: &RedriveJob, at: Time) -> Result<(), Fault> {
        Ports::call(self, Stage::DeadLetter, Twice::Again, |world| {
            world.jobs.record_continuation(job, at)
        })
        .await
    }
}

impl Redrive for Ports {
    async fn redrive_for_job(
        &self,
        job: &RedriveJob,
        dead: &DeadLetter,
        now: Time,
    ) -> Result<RedriveOutcome, Fault> {
        if let Some(delivery) = self.redrive_delivery(dead, Some(job.id), now).await? {
            return Ok(RedriveOutcome::Redriven(Box::new(delivery)));
        }
        self.call(Stage::DeadLetter, Twice::Once, |world| {
            match world.tables.dead_letters.kept.get(&dead.id) {
                Some(kept) if kept.redriven_by == Some(job.id) => RedriveOutcome::AlreadyByThisJob,
                Some(kept) if kept.redriven_at.is_none() => RedriveOutcome::Impossible,
                _ => RedriveOutcome::AlreadyByAnother,
            }
        })
        .await
    }
}

impl RedriveJobQueue for Ports {
    async fn enqueue_continuation(
        &self,
        message: &RedriveJobMessage,
        delay: Duration,
    ) -> Result<(), Fault> {
        let body = serde_json::to_string(message).or_bug(Stage::Enqueue)?;
        // SQS delays by whole seconds.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        Ports::call(self, Stage::Enqueue, Twice::Again, |world| {
            let delay = Duration::from_secs(seconds);
            world.send(QueueName::Jobs, body.clone(), OURSELVES, delay);
        })
        .await
    }
}
