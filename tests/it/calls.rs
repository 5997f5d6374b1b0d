//! Random calls, made on both tables, with their answers compared.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use domain::dead_letter::{Body, DeadDelivery, DeadLetter, Reason};
use domain::delivery::{Attempt, Delivery, Status, Trigger, Verdict};
use domain::event::Event;
use domain::flow::SWEEP_SHARDS;
use domain::ids::{DeadLetterId, EventId, TenantId, WebhookId};
use domain::outcome::{FailureKind, Outcome};
use domain::payload::{Content, Payload};
use domain::ports::{
    DeadLetterFilter, DeliveryStore as _, DeliveryTask, DueIndex as _, EventIdClaim,
    EventIdRequest, Lease, LeaseResult, NotAsked, OnceName, Overdue, StoredEvent, TaskKind,
};
use domain::time::Time;
use domain::ulid::Ulid;
use fastrand::Rng;
use simulator::Tables;

use crate::cloud::Cloud;

/// The answers without which a run has compared too little.
pub(crate) const WANTED: &[&str] = &[
    "store true",
    "store false",
    "store true again",
    "open true",
    "open false",
    "open true again",
    "claim ours",
    "claim busy",
    "claim stale",
    "claim missing",
    "claim ours again",
    "commit true",
    "commit false",
    "commit true again",
    "commit after a redrive",
    "manual asked",
    "manual waits",
    "manual none",
    "revive some",
    "revive none",
    "id ours",
    "id done",
    "id busy",
    "id conflict",
    "overdue some",
    "erase none",
    "erase all",
    "erase and end",
    "read again",
    "waiting some",
];
fn again_or_not(is_again: bool) -> &'static str {
    if is_again { " again" } else { "" }
}

/// More than there can be.
const ALL: u32 = 1_000;
/// How many events are in use at once; the oldest is replaced.
const EVENTS: usize = 4;
/// How many calls before a difference are shown.
const TOLD: usize = 30;
const NEW_EVENT_EVERY: usize = 25;
const LEASE: Duration = Duration::from_secs(10);
/// Of this a long response consists.
const LONG: &str = "a long answer, ";

/// A lease that was acquired.
#[derive(Clone)]
struct Held {
    task: DeliveryTask,
    owner: String,
    before: Delivery,
    /// Its end, once it has ended.
    end: Option<(Delivery, Option<DeadLetter>)>,
}

pub(crate) struct Calls<'a> {
    seed: u64,
    rng: Rng,
    cloud: &'a Cloud,
    memory: Tables,
    now: Time,
    tenant: TenantId,
    webhooks: [WebhookId; 2],
    events: VecDeque<Event>,
    held: Vec<Held>,
    dead: Vec<DeadLetter>,
    stored: Option<(Event, Vec<Delivery>, String)>,
    opened: Option<(Delivery, Option<DeadLetter>, String)>,
    made: usize,
    told: Vec<String>,
    seen: BTreeMap<String, u32>,
}

impl<'a> Calls<'a> {
    pub(crate) fn new(seed: u64, cloud: &'a Cloud) -> Self {
        Self {
            seed,
            rng: Rng::with_seed(seed),
            cloud,
            memory: Tables::default(),
            // The tables read the clock as well, for expired rows.
            now: adapters::clock::now(),
            tenant: "tenant".parse().unwrap(),
            webhooks: [WebhookId::new([1; 16]), WebhookId::new([2; 16])],
            events: VecDeque::new(),
            held: Vec::new(),
            dead: Vec::new(),
            stored: None,
            opened: None,
            made: 0,
            told: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    pub(crate) fn seen(&self) -> BTreeMap<String, u32> {
        self.seen.clone()
    }

    pub(crate) async fn next(&mut self) {
        if self.made.is_multiple_of(NEW_EVENT_EVERY) {
            self.new_event();
            // As in the flows: deliveries come after their event.
            self.store_new().await;
        }
        self.made += 1;
        // Clocks differ: sometimes time goes back.
        let step = self.rng.i64(-1_000..6_000);
        self.now = Time::from_millis(self.now.millis() + step);
        match self.rng.u8(0..25) {
            0 => self.store_some().await,
            1 | 2 => self.open().await,
            3..=6 => self.claim().await,
            7..=9 => self.commit().await,
            10 => self.commit_again().await,
            11 => self.request_manual_retry().await,
            12 => self.revive().await,
            13 => self.overdue().await,
            14 => self.postpone().await,
            15 => self.claim_event_id().await,
            16 => self.end_event_id_claim().await,
            17 => self.require_lease_for_first_attempts().await,
            18 => self.waiting().await,
            24 => self.erase().await,
            19..=22 => self.claim_event_id().await,
            _ => self.read().await,
        }
    }

    fn same<T: Debug>(&mut self, call: &str, memory: &T, real: &T) {
        // A long response may be in the row or in an item of its own.
        let told = |answer: &T| format!("{answer:?}").replace(LONG, "");
        let (memory, real) = (told(memory), told(real));
        self.told.push(format!("{call} -> {memory}"));
        assert!(
            memory == real,
            "seed {}, call {}: the tables differ\n  memory: {memory}\n  real:   {real}\n{}",
            self.seed,
            self.made,
            self.told[self.told.len().saturating_sub(TOLD)..].join("\n")
        );
    }

    fn saw(&mut self, what: impl Into<String>) {
        *self.seen.entry(what.into()).or_default() += 1;
    }

    fn new_event(&mut self) {
        let key = Ulid::derived(self.now, &self.made.to_string());
        let id = if self.rng.bool() {
            EventId::generated(key)
        } else {
            format!("event-{}", self.made).parse().unwrap()
        };
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(Event {
            tenant: self.tenant.clone(),
            key,
            id,
            event_type: "item.created".parse().unwrap(),
            timestamp: key.time().rfc3339(),
            payload: Payload::Kept(Content {
                data: "{\"n\": 1}".to_owned(),
                context: BTreeMap::new(),
            }),
            message_id: None,
            test: false,
        });
    }

    fn event(&mut self) -> Event {
        let at = self.rng.usize(0..self.events.len());
        self.events[at].clone()
    }

    fn owner(&mut self) -> String {
        format!("owner-{}", self.rng.u32(..))
    }

    fn delivery(&mut self) -> Delivery {
        let event = self.event();
        let webhook = self.webhooks[self.rng.usize(0..2)].clone();
        Delivery::new(&event, &webhook)
    }

    fn attempt(&mut self, delivery: &Delivery, trigger: Trigger) -> Attempt {
        let outcome = if self.rng.bool() {
            Outcome::failure(FailureKind::Timeout, "no answer in time")
        } else {
            match self.rng.u16(200..600) {
                status if status % 3 == 0 => Outcome::Response {
                    status,
                    headers: Vec::new(),
                    body: LONG.repeat(60),
                    truncated: true,
                },
                status => Outcome::Response {
                    status,
                    headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
                    body: "an answer".to_owned(),
                    truncated: false,
                },
            }
        };
        Attempt {
            number: delivery.attempt_count + 1,
            trigger,
            at: self.now,
            duration: Duration::from_millis(self.rng.u64(0..500)),
            webhook_version: 1,
            url: "https://example.com/".to_owned(),
            contract: "standard".to_owned(),
            signature: Some("v1,c2lnbmF0dXJl".to_owned()),
            own_headers: Vec::new(),
            type_name: None,
            context: std::collections::BTreeMap::new(),
            outcome,
        }
    }

    /// A delivery after an automatic attempt, or after giving up without one; and its dead letter.
    fn move_on(&mut self, before: &Delivery) -> (Delivery, Option<DeadLetter>) {
        let attempt = self.attempt(before, Trigger::Automatic);
        let mut after = match self.rng.u8(0..6) {
            0 => before.clone().abandoned(Reason::WebhookInactive),
            1 => before.clone().after_automatic(attempt, Verdict::Delivered),
            2 => before
                .clone()
                .after_automatic(attempt, Verdict::Dead(Reason::Exhausted)),
            _ => {
                let delay = Duration::from_secs(self.rng.u64(1..60));
                before
                    .clone()
                    .after_automatic(attempt, Verdict::Retry(delay))
            }
        };
        let dead = (after.status == Status::Failed).then(|| DeadLetter {
            id: DeadLetterId(Ulid::derived(
                self.now,
                &format!("{}/{}", after.id, after.sequence),
            )),
            tenant: Some(self.tenant.clone()),
            at: self.now,
            reason: after.reason.unwrap(),
            detail: "It was given up.".to_owned(),
            body: Body::Delivery(DeadDelivery {
                id: after.id.clone(),
                event_id: after.event_id.clone(),
                event_type: after.event_type.clone(),
                attempts: after.attempt_count,
                last_status: None,
                last_error: None,
            }),
        });
        after.dead_letter_id = dead.as_ref().map(|dead| dead.id);
        (after, dead)
    }

    async fn store_new(&mut self) {
        if let Some(event) = self.events.back().cloned() {
            self.store(event, false).await;
        }
    }

    async fn store_some(&mut self) {
        let (event, is_again) = (self.event(), self.is_again());
        self.store(event, is_again).await;
    }

    async fn store(&mut self, event: Event, is_again: bool) {
        let mut ended = Vec::new();
        if self.rng.bool() {
            let delivery = Delivery::new(&event, &self.webhooks[0]);
            let attempt = self.attempt(&delivery, Trigger::Automatic);
            ended.push(delivery.after_automatic(attempt, Verdict::Delivered));
        }
        let mut call = (event, ended, self.owner());
        let again = self.stored.clone().filter(|_| is_again);
        call = again.unwrap_or(call);
        self.stored = Some(call.clone());
        let (event, ended, owner) = call;
        let memory = self.memory.put_event(&event, &ended, &owner);
        let real = self
            .cloud
            .store
            .put_event(&event, &ended, &owner)
            .await
            .unwrap();
        self.same(&format!("store {} by {owner}", event.key), &memory, &real);
        self.saw(format!("store {memory}{}", again_or_not(is_again)));
    }

    async fn open(&mut self) {
        let fresh = self.delivery();
        let (delivery, dead) = if self.rng.u8(0..3) == 0 {
            (fresh, None)
        } else {
            self.move_on(&fresh)
        };
        self.dead.extend(dead.clone());
        let mut call = (delivery, dead, self.owner());
        let again = self.opened.clone().filter(|_| self.is_again());
        let is_again = again.is_some();
        call = again.unwrap_or(call);
        self.opened = Some(call.clone());
        let (delivery, dead, owner) = call;
        let memory = self
            .memory
            .create_delivery(&delivery, dead.as_ref(), &owner);
        let real = self
            .cloud
            .store
            .create_delivery(&delivery, dead.as_ref(), &owner)
            .await;
        self.same(
            &format!("open {delivery:?} by {owner}"),
            &memory,
            &real.unwrap(),
        );
        self.saw(format!("open {memory}{}", again_or_not(is_again)));
    }

    /// Sometimes a call is repeated, as if its response had been lost.
    fn is_again(&mut self) -> bool {
        self.rng.u8(0..5) == 0
    }

    /// A delivery with a separate item, as a reader sees it.
    fn known(&mut self) -> Option<Delivery> {
        let mut known = Vec::new();
        for event in &self.events {
            let record = self.memory.get_stored_event(&self.tenant, event.key);
            let own = record.into_iter().flat_map(|record| record.deliveries);
            known.extend(own.filter(|d| !d.is_inline).map(|d| d.delivery));
        }
        self.rng.choice(known)
    }

    fn task(&mut self) -> DeliveryTask {
        let known = self.known().filter(|_| self.rng.u8(0..10) > 0);
        let delivery = known.unwrap_or_else(|| self.delivery());
        let kind = match (&delivery.pending_manual_token, self.rng.u8(0..8)) {
            (Some(token), 0..=3) => TaskKind::Manual(token.clone()),
            (_, 4) => TaskKind::Manual("token-of-yesterday".to_owned()),
            (_, 5) => TaskKind::Scheduled(delivery.sequence.saturating_sub(1)),
            _ => TaskKind::Scheduled(delivery.sequence),
        };
        DeliveryTask {
            tenant_id: self.tenant.clone(),
            delivery_id: delivery.id,
            kind,
        }
    }

    async fn claim(&mut self) {
        let again = self.is_again();
        let mut open = self.held.iter().rev().filter(|held| held.end.is_none());
        let earlier = open.next().cloned().filter(|_| again);
        let again = earlier.is_some();
        let (task, owner) = match earlier {
            // Our own acquisition, whose response was lost.
            Some(held) => (held.task, held.owner),
            None => (self.task(), self.owner()),
        };
        let lease = Lease {
            owner: owner.clone(),
            until: self.now.plus(LEASE),
        };
        let memory = self.memory.acquire_lease(&task, &lease, self.now);
        let real = self
            .cloud
            .store
            .acquire_lease(&task, &lease, self.now)
            .await
            .unwrap();
        self.same(
            &format!("claim {task:?} by {owner} at {}", self.now.millis()),
            &memory,
            &real,
        );
        self.saw(match &memory {
            LeaseResult::Acquired(_) if again => "claim ours again",
            LeaseResult::Acquired(_) => "claim ours",
            LeaseResult::Held(_) => "claim busy",
            LeaseResult::Superseded(_) => "claim stale",
            LeaseResult::NotFound => "claim missing",
        });
        if let LeaseResult::Acquired(before) = real {
            self.cloud
                .store
                .archive_last_attempt(&before)
                .await
                .unwrap();
            self.held.retain(|held| held.owner != owner);
            self.held.push(Held {
                task,
                owner,
                before: *before,
                end: None,
            });
        }
    }

    async fn commit(&mut self) {
        let open = |held: &&mut Held| held.end.is_none();
        let places = self.held.iter_mut().filter(open).count();
        if places == 0 {
            return;
        }
        // Mostly the latest: an old lease is lost.
        let back = self.rng.usize(0..places.min(4));
        let Some(mut held) = self
            .held
            .iter()
            .rev()
            .filter(|held| held.end.is_none())
            .nth(back)
            .cloned()
        else {
            return;
        };
        let (after, dead) = match held.task.kind {
            TaskKind::Scheduled(_) => self.move_on(&held.before),
            TaskKind::Manual(_) => {
                let attempt = self.attempt(&held.before, Trigger::Manual);
                let verdict = match self.rng.bool() {
                    true => Verdict::Delivered,
                    false => Verdict::Retry(Duration::ZERO),
                };
                (held.before.clone().after_manual(attempt, verdict), None)
            }
        };
        self.dead.extend(dead.clone());
        held.end = Some((after, dead));
        let won = self.end(&held, again_or_not(false)).await;
        if won && self.was_redriven(&held) {
            self.saw("commit after a redrive");
        }
        self.held.retain(|other| other.owner != held.owner);
        self.held.push(held);
    }

    /// Whether the delivery was redriven while the lease was held.
    fn was_redriven(&self, held: &Held) -> bool {
        let record = self
            .memory
            .get_stored_event(&self.tenant, held.before.id.event);
        let now = record
            .into_iter()
            .flat_map(|record| record.deliveries)
            .find(|d| d.delivery.id == held.before.id);
        let after = held.end.as_ref().map(|(after, _)| after.sequence);
        now.is_some_and(|now| Some(now.delivery.sequence) != after)
    }

    /// Repeats a completion whose response was lost.
    async fn commit_again(&mut self) {
        let ended = self.held.iter().rev().filter(|held| held.end.is_some());
        let Some(held) = ended.take(3).last().cloned() else {
            return;
        };
        self.end(&held, again_or_not(true)).await;
    }

    async fn end(&mut self, held: &Held, again: &str) -> bool {
        let Some((after, dead)) = &held.end else {
            return false;
        };
        let memory = self.memory.complete_attempt(
            &held.before,
            after,
            dead.as_ref(),
            &held.owner,
            adapters::clock::now(),
        );
        let real = self
            .cloud
            .store
            .complete_attempt(&held.before, after, dead.as_ref(), &held.owner)
            .await;
        self.same(
            &format!(
                "commit{again} {:?} {after:?} by {}",
                held.task.kind, held.owner
            ),
            &memory,
            &real.unwrap(),
        );
        self.saw(format!("commit {memory}{again}"));
        memory
    }

    async fn request_manual_retry(&mut self) {
        let known = self.known().filter(|_| self.rng.u8(0..5) > 0);
        let id = known.unwrap_or_else(|| self.delivery()).id;
        let token = format!("token-{}", self.rng.u32(..));
        let memory = self
            .memory
            .request_manual_retry(&self.tenant, &id, &token, self.now);
        let real = self
            .cloud
            .store
            .request_manual_retry(&self.tenant, &id, &token, self.now);
        let real = real.await.unwrap();
        self.same(&format!("manual {token} for {id}"), &memory, &real);
        self.saw(match &memory {
            Ok(waits) if *waits == token => "manual asked",
            Ok(_) => "manual waits",
            Err(NotAsked::Missing) => "manual none",
            Err(NotAsked::TooMany) => "manual too many",
        });
    }

    async fn revive(&mut self) {
        // Preferably one with a manual attempt in progress: its result must not undo the redrive.
        let open = self.held.iter().filter(|held| held.end.is_none());
        let by_hand = open.rev().find_map(|held| held.before.dead_letter_id);
        let young = self.dead.len().saturating_sub(6);
        let any = self.rng.choice(self.dead[young..].to_vec());
        let held = self.dead.iter().find(|dead| Some(dead.id) == by_hand);
        let Some(dead) = held.cloned().or(any) else {
            return;
        };
        let job = self.rng.bool().then(|| Ulid::derived(self.now, "job"));
        let memory = self.memory.redrive_delivery(&dead, job, self.now);
        let real = self
            .cloud
            .store
            .redrive_delivery(&dead, job, self.now)
            .await
            .unwrap();
        self.same(&format!("revive {:?}", dead.id), &memory, &real);
        self.saw(match memory {
            Some(_) => "revive some",
            None => "revive none",
        });
    }

    async fn overdue(&mut self) {
        // Most shards are empty.
        let shard = match self.known() {
            Some(delivery) => delivery.id.event.low_bits() % SWEEP_SHARDS,
            None => self.rng.u8(0..SWEEP_SHARDS),
        };
        // Later than every clock that wrote.
        let at = self.now.plus(Duration::from_secs(2));
        let mut memory = self.memory.list_overdue(shard, at, ALL as usize);
        let mut real = self.cloud.store.list_overdue(shard, at, ALL).await.unwrap();
        let by_name = |one: &Overdue| format!("{:?}", one.due);
        memory.sort_by_key(by_name);
        real.sort_by_key(by_name);
        // The real store dates a manual attempt that still waits by its own clock, memory by the
        // test's: a little apart.
        for (one, other) in real.iter_mut().zip(&memory) {
            let (since, wanted) = (one.since.millis(), other.since.millis());
            if since.abs_diff(wanted) < 1_000 {
                one.since = other.since;
            }
        }
        self.same(&format!("overdue in {shard}"), &memory, &real);
        self.saw(match memory.is_empty() {
            true => "overdue none",
            false => "overdue some",
        });
    }

    async fn erase(&mut self) {
        let event = match self.rng.u8(0..4) {
            0 => Ulid::derived(self.now, "unknown"),
            _ => self.event().key,
        };
        let again = self.now.plus(Duration::from_secs(self.rng.u64(5..600)));
        let again = self.rng.bool().then_some(again);
        let (tenant, now) = (&self.tenant, self.now);
        let mut memory = self.memory.erase(tenant, event, now, again);
        let real = self.cloud.store.erase(tenant, event, now, again).await;
        let mut real = real.unwrap();
        let by_name = |task: &DeliveryTask| format!("{task:?}");
        for waiting in [&mut memory, &mut real].into_iter().flatten() {
            waiting.sort_by_key(by_name);
        }
        self.same(&format!("erase {event}, again {again:?}"), &memory, &real);
        self.saw(match &memory {
            None => "erase none",
            Some(waiting) if waiting.is_empty() => "erase all",
            Some(_) => "erase and end",
        });
    }

    async fn postpone(&mut self) {
        let task = self.task();
        let until = self.now.plus(Duration::from_secs(self.rng.u64(5..600)));
        self.memory.postpone(&task, until);
        self.cloud.store.postpone(&task, until).await.unwrap();
        self.told.push(format!("postpone {task:?}"));
    }

    async fn claim_event_id(&mut self) {
        let (tenant, event, owner) = (self.tenant.clone(), self.event(), self.rng.u8(0..3));
        let owner = format!("owner-{owner}");
        let name = self.name_of(&event);
        let fingerprint = if self.rng.u8(0..5) == 0 {
            "other"
        } else {
            "same"
        };
        let request = EventIdRequest {
            since: Time::from_millis(0),
            tenant: &tenant,
            name: &name,
            key: Ulid::derived(self.now, &owner),
            fingerprint,
            owner: &owner,
            now: self.now,
            already_durable: self.rng.u8(0..4) == 0,
        };
        let memory = self.memory.claim_event_id(&request);
        let real = self.cloud.store.claim_event_id(&request).await.unwrap();
        self.same(&format!("{request:?}"), &memory, &real);
        self.saw(match memory {
            EventIdClaim::Acquired { .. } => "id ours",
            EventIdClaim::AlreadyAccepted(_) => "id done",
            EventIdClaim::InProgress => "id busy",
            EventIdClaim::Conflict => "id conflict",
        });
    }

    /// A caller's id, or sometimes the dead letter that a message of the same key became.
    fn name_of(&mut self, event: &Event) -> OnceName {
        if self.rng.u8(0..4) == 0 {
            OnceName::DeadLetter(DeadLetterId(event.key))
        } else {
            OnceName::Event(event.id.clone())
        }
    }

    async fn end_event_id_claim(&mut self) {
        let (event, owner) = (self.event(), format!("owner-{}", self.rng.u8(0..3)));
        let name = self.name_of(&event);
        let (tenant, store) = (&self.tenant, &self.cloud.store);
        let sent = self.rng.bool();
        if sent {
            self.memory.mark_event_id_accepted(tenant, &name, &owner);
            store
                .mark_event_id_accepted(tenant, &name, &owner)
                .await
                .unwrap();
        } else {
            self.memory.release_event_id(tenant, &name, &owner);
            store.release_event_id(tenant, &name, &owner).await.unwrap();
        }
        self.told
            .push(format!("end the claim of {name} by {owner}, sent: {sent}"));
    }

    async fn require_lease_for_first_attempts(&mut self) {
        let (event, now) = (self.event(), self.now);
        self.memory
            .require_lease_for_first_attempts(&self.tenant, event.key, now);
        let real = self
            .cloud
            .store
            .require_lease_for_first_attempts(&self.tenant, event.key, now)
            .await;
        real.unwrap();
        self.told.push(format!("note again {}", event.key));
    }

    async fn waiting(&mut self) {
        let page = self
            .cloud
            .letters
            .list(
                &self.tenant,
                &DeadLetterFilter::default(),
                None,
                ALL as usize,
            )
            .await
            .unwrap();
        let mut real: Vec<DeadLetter> = page.items.into_iter().map(|kept| kept.dead).collect();
        real.sort_by_key(|dead| dead.id);
        let memory = self.memory.waiting();
        self.same("waiting", &memory, &real);
        if !memory.is_empty() {
            self.saw("waiting some");
        }
    }

    async fn read(&mut self) {
        let event = self.event();
        let sorted = |record: Option<StoredEvent>| {
            record.map(|mut record| {
                record.deliveries.sort_by_key(|d| d.delivery.id.clone());
                record
            })
        };
        let memory = sorted(self.memory.get_stored_event(&self.tenant, event.key));
        let real = self
            .cloud
            .store
            .get_stored_event(&self.tenant, event.key)
            .await
            .unwrap();
        self.same(&format!("read {}", event.key), &memory, &sorted(real));
        if memory.is_some_and(|record| record.first_attempts_need_lease_since.is_some()) {
            self.saw("read again");
        }
    }
}
