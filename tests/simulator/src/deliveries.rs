//! The log table in memory: the same conditions as `adapters::delivery_store`, with one lock in
//! place of DynamoDB's.

use std::collections::BTreeMap;

use domain::delivery::{Delivery, Status};
use domain::event::Event;
use domain::ids::{DeadLetterId, DeliveryId, TenantId};
use domain::payload::Payload;
use domain::ports::{
    DeliveryTask, Due, EventIdClaim, EventIdRequest, Lease, LeaseResult, MAX_MANUAL_ATTEMPTS,
    NotAsked, OnceName, Overdue, StoredDelivery, StoredEvent, TaskKind,
};
use domain::time::Time;
use domain::ulid::Ulid;

/// How long a caller's id is remembered, and how long a caller may take from claim to send: as in
/// `adapters::delivery_store::ids`.
const ID_RETENTION_SECONDS: i64 = 24 * 3600;
const CLAIM_MILLIS: i64 = 30_000;

/// A delivery with a separate item.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) delivery: Delivery,
    by: String,
    pub(crate) lease: Option<Lease>,
    /// The owner of the lease under which an automatic attempt has begun.
    begun: Option<String>,
    /// How many manual attempts were requested.
    asked: u32,
    /// When the sweeper should check it.
    pub(crate) due_at: Option<Time>,
}

struct Stored {
    event: Event,
    inline: Vec<Delivery>,
    /// Since when its first attempts need a lease.
    again: Option<Time>,
    by: String,
}

struct IdRow {
    key: Ulid,
    fingerprint: String,
    owner: String,
    lease: i64,
    sent: bool,
    taken_over: bool,
    repeat_until: i64,
}

/// What the index `due` has of a row: its key, and the attributes of its projection.
type Entry = (Time, (Status, u32, Option<String>));

impl Row {
    fn entry(&self) -> Option<Entry> {
        let delivery = &self.delivery;
        let manual = delivery.pending_manual_token.clone();
        let projected = (delivery.status, delivery.sequence, manual);
        Some((self.due_at?, projected))
    }
}

/// A change's write units in the index: a changed key is a deletion and an insertion (Amazon
/// DynamoDB Developer Guide, "Provisioned throughput considerations for global secondary indexes").
fn units(before: Option<Entry>, after: Option<Entry>) -> u64 {
    match (before, after) {
        (Some((old, _)), Some((new, _))) if old != new => 2,
        (before, after) => u64::from(before != after),
    }
}

#[derive(Default)]
pub(crate) struct DeliveryRows {
    /// Write units of the index since they were last taken, each with its key.
    pub(crate) written: Vec<(u8, u64)>,
    events: BTreeMap<(TenantId, Ulid), Stored>,
    pub(crate) rows: BTreeMap<(TenantId, String), Row>,
    ids: BTreeMap<(TenantId, OnceName), IdRow>,
    /// Events that must be erased once more, and when.
    erasures: BTreeMap<(TenantId, Ulid), Time>,
}

/// The key of an event's deliveries in the index.
pub(crate) fn shard_of(event: Ulid) -> u8 {
    event.low_bits() % domain::flow::SWEEP_SHARDS
}

fn key(tenant: &TenantId, id: &DeliveryId) -> (TenantId, String) {
    (tenant.clone(), id.to_string())
}

impl DeliveryRows {
    pub(crate) fn get_stored_event(&self, tenant: &TenantId, event: Ulid) -> Option<StoredEvent> {
        let stored = self.events.get(&(tenant.clone(), event))?;
        let mut deliveries: Vec<StoredDelivery> = self
            .rows
            .iter()
            .filter(|((of, _), row)| of == tenant && row.delivery.id.event == event)
            .map(|(_, row)| StoredDelivery {
                delivery: shown(row),
                is_inline: false,
            })
            .collect();
        if let Some(at) = stored.event.payload.erased_at() {
            // Late writes are erased by the next sweep. Until then they are not shown.
            for recorded in &mut deliveries {
                recorded.delivery = recorded.delivery.clone().erased(at);
            }
        }
        for delivery in &stored.inline {
            if !deliveries.iter().any(|d| d.delivery.id == delivery.id) {
                deliveries.push(StoredDelivery {
                    delivery: delivery.clone(),
                    is_inline: true,
                });
            }
        }
        Some(StoredEvent {
            event: stored.event.clone(),
            deliveries,
            first_attempts_need_lease_since: stored.again,
            is_complete: true,
        })
    }

    pub(crate) fn require_lease_for_first_attempts(
        &mut self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
    ) {
        if let Some(stored) = self.events.get_mut(&(tenant.clone(), event)) {
            stored.again.get_or_insert(now);
        }
    }

    pub(crate) fn put_event(&mut self, event: &Event, inline: &[Delivery], owner: &str) -> bool {
        let stored = self
            .events
            .entry((event.tenant.clone(), event.key))
            .or_insert_with(|| Stored {
                event: event.clone(),
                inline: inline.to_vec(),
                again: None,
                by: owner.to_owned(),
            });
        stored.by == owner
    }

    pub(crate) fn create_delivery(&mut self, delivery: &Delivery, owner: &str) -> bool {
        let written = &mut self.written;
        let row = self
            .rows
            .entry(key(&delivery.tenant, &delivery.id))
            .or_insert_with(|| {
                let row = Row {
                    delivery: delivery.clone(),
                    by: owner.to_owned(),
                    lease: None,
                    begun: None,
                    asked: 0,
                    due_at: delivery.next_attempt_at,
                };
                written.push((shard_of(delivery.id.event), units(None, row.entry())));
                row
            });
        row.by == owner
    }

    pub(crate) fn acquire_lease(
        &mut self,
        task: &DeliveryTask,
        lease: &Lease,
        now: Time,
    ) -> LeaseResult {
        let Some(row) = self.rows.get_mut(&key(&task.tenant_id, &task.delivery_id)) else {
            return LeaseResult::NotFound;
        };
        let is_wanted = match &task.kind {
            TaskKind::Scheduled(sequence) => row.delivery.sequence == *sequence,
            TaskKind::Manual(token) => row.delivery.pending_manual_token.as_ref() == Some(token),
        };
        let is_over = matches!(task.kind, TaskKind::Scheduled(_)) && row.delivery.is_terminal();
        // The condition of the write: `lease_until < :now`.
        let is_free = row.lease.as_ref().is_none_or(|held| held.until < now);
        if is_wanted && !is_over && is_free {
            let before = row.entry();
            row.lease = Some(lease.clone());
            if matches!(task.kind, TaskKind::Scheduled(_)) {
                row.begun = Some(lease.owner.clone());
            }
            let shard = shard_of(task.delivery_id.event);
            self.written.push((shard, units(before, row.entry())));
            return LeaseResult::Acquired(Box::new(row.delivery.clone()));
        }
        let delivery = Box::new(row.delivery.clone());
        match &row.lease {
            Some(held) if held.owner == lease.owner => LeaseResult::Acquired(delivery),
            Some(held) if held.until >= now && is_wanted && !is_over => {
                LeaseResult::Held(held.until)
            }
            _ => LeaseResult::Superseded(delivery),
        }
    }

    pub(crate) fn complete_attempt(
        &mut self,
        before: &Delivery,
        after: &Delivery,
        owner: &str,
        now: Time,
    ) -> bool {
        let Some(row) = self.rows.get_mut(&key(&before.tenant, &before.id)) else {
            return false;
        };
        if row.lease.as_ref().is_none_or(|held| held.owner != owner) {
            return row.by == owner;
        }
        let entry = row.entry();
        row.delivery = after.clone().rebased(before, &row.delivery);
        let waits = row.delivery.pending_manual_token.as_ref().map(|_| now);
        (row.lease, row.begun, row.due_at) = (None, None, row.delivery.next_attempt_at.or(waits));
        owner.clone_into(&mut row.by);
        let shard = shard_of(before.id.event);
        self.written.push((shard, units(entry, row.entry())));
        true
    }

    pub(crate) fn request_manual_retry(
        &mut self,
        tenant: &TenantId,
        id: &DeliveryId,
        token: &str,
        now: Time,
    ) -> Result<String, NotAsked> {
        let row = self.rows.get_mut(&key(tenant, id));
        let row = row.ok_or(NotAsked::Missing)?;
        if let Some(waiting) = &row.delivery.pending_manual_token {
            return Ok(waiting.clone());
        }
        if row.asked >= MAX_MANUAL_ATTEMPTS {
            return Err(NotAsked::TooMany);
        }
        let before = row.entry();
        row.asked += 1;
        row.delivery.pending_manual_token = Some(token.to_owned());
        row.due_at = row.due_at.or(Some(now));
        let written = units(before, row.entry());
        self.written.push((shard_of(id.event), written));
        Ok(token.to_owned())
    }

    /// The delivery after it was redriven; `None` if it is not dead with this letter.
    pub(crate) fn redrive_delivery(
        &mut self,
        tenant: &TenantId,
        id: &DeliveryId,
        dead: DeadLetterId,
        now: Time,
    ) -> Option<Delivery> {
        let row = self.rows.get_mut(&key(tenant, id))?;
        if row.delivery.dead_letter_id != Some(dead) || row.delivery.erased_at.is_some() {
            return None;
        }
        let before = row.entry();
        let manual = row.delivery.pending_manual_token.clone();
        row.delivery = row.delivery.clone().redriven(now);
        row.delivery.pending_manual_token = manual;
        row.due_at = Some(now);
        let written = units(before, row.entry());
        self.written.push((shard_of(id.event), written));
        Some(row.delivery.clone())
    }

    /// The dead letters of the event's deliveries, and the tasks of those that wait; `None` if the
    /// event does not exist.
    pub(crate) fn erase(
        &mut self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> Option<(Vec<DeadLetterId>, Vec<DeliveryTask>)> {
        let place = (tenant.clone(), event);
        let stored = self.events.get_mut(&place)?;
        let at = stored.event.payload.erased_at().unwrap_or(now);
        stored.event.payload = Payload::Erased(at);
        for inline in &mut stored.inline {
            *inline = inline.clone().erased(at);
        }
        match again {
            Some(again) => self.erasures.insert(place, again),
            None => self.erasures.remove(&place),
        };
        let (mut letters, mut waiting) = (Vec::new(), Vec::new());
        for ((of, _), row) in &mut self.rows {
            if of == tenant && row.delivery.id.event == event {
                row.delivery = row.delivery.clone().erased(at);
                letters.extend(row.delivery.dead_letter_id);
                let of_sequence = |task: &DeliveryTask| matches!(task.kind, TaskKind::Scheduled(_));
                waiting.extend(tasks(row).into_iter().filter(of_sequence));
            }
        }
        Some((letters, waiting))
    }

    /// One page of entries that are due before a time.
    pub(crate) fn list_overdue(&self, shard: u8, now: Time, limit: usize) -> Vec<Overdue> {
        let is_here = |event: Ulid| shard_of(event) == shard;
        let rows = self.rows.values().filter_map(|row| {
            let due = row.due_at.filter(|_| is_here(row.delivery.id.event))?;
            Some((due, tasks(row).into_iter().map(Due::DeliveryTask).collect()))
        });
        let erasures = self.erasures.iter().filter_map(|((tenant, event), due)| {
            let found = vec![Due::Erasure(tenant.clone(), *event)];
            is_here(*event).then_some((*due, found))
        });
        let mut found: Vec<(Time, Vec<Due>)> = rows.chain(erasures).collect();
        found.retain(|(due, _)| *due < now);
        found.sort_by_key(|(due, _)| *due);
        found.truncate(limit);
        let entries = found.into_iter().map(|(since, due)| {
            let at = move |due| Overdue { due, since };
            due.into_iter().map(at)
        });
        entries.flatten().collect()
    }

    pub(crate) fn postpone(&mut self, task: &DeliveryTask, until: Time) {
        if let Some(row) = self.rows.get_mut(&key(&task.tenant_id, &task.delivery_id))
            && row.due_at.is_some_and(|due| due < until)
        {
            let before = row.entry();
            row.due_at = Some(until);
            let shard = shard_of(task.delivery_id.event);
            self.written.push((shard, units(before, row.entry())));
        }
    }

    /// The earliest time at which the sweeper would find something.
    pub(crate) fn next_due(&self) -> Option<Time> {
        let rows = self.rows.values().filter_map(|row| row.due_at);
        rows.chain(self.erasures.values().copied()).min()
    }

    pub(crate) fn claim_event_id(&mut self, request: &EventIdRequest<'_>) -> EventIdClaim {
        let place = (request.tenant.clone(), request.name.clone());
        let old = self.ids.get_mut(&place).filter(|row| {
            row.repeat_until >= request.now.seconds() && row.key.time() >= request.since
        });
        let Some(old) = old else {
            let row = IdRow {
                key: request.key,
                fingerprint: request.fingerprint.to_owned(),
                owner: request.owner.to_owned(),
                lease: request.now.millis() + CLAIM_MILLIS,
                sent: request.already_durable,
                taken_over: false,
                repeat_until: request.now.seconds() + ID_RETENTION_SECONDS,
            };
            self.ids.insert(place, row);
            return EventIdClaim::Acquired {
                key: request.key,
                is_taken_over: false,
            };
        };
        if old.fingerprint != request.fingerprint {
            return EventIdClaim::Conflict;
        }
        if old.owner == request.owner {
            return EventIdClaim::Acquired {
                key: old.key,
                is_taken_over: old.taken_over,
            };
        }
        if old.sent {
            return EventIdClaim::AlreadyAccepted(old.key);
        }
        if Time::from_millis(old.lease) > request.now {
            return EventIdClaim::InProgress;
        }
        request.owner.clone_into(&mut old.owner);
        old.lease = request.now.millis() + CLAIM_MILLIS;
        old.sent = request.already_durable;
        old.taken_over = true;
        EventIdClaim::Acquired {
            key: old.key,
            is_taken_over: true,
        }
    }

    pub(crate) fn end_event_id_claim(
        &mut self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
        sent: bool,
    ) {
        if let Some(row) = self.ids.get_mut(&(tenant.clone(), name.clone()))
            && row.owner == owner
            && !row.sent
        {
            (row.sent, row.lease) = (sent, 0);
        }
    }

    /// The deliveries of erased events as they are stored, inline ones included.
    pub(crate) fn erased(&self) -> impl Iterator<Item = &Delivery> {
        let is_erased = |stored: &&Stored| stored.event.payload.erased_at().is_some();
        let stored = self.events.values().filter(is_erased);
        stored.flat_map(|stored| {
            let key = stored.event.key;
            let rows = self.rows.values().map(|row| &row.delivery);
            stored
                .inline
                .iter()
                .chain(rows.filter(move |d| d.id.event == key))
        })
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values().map(|stored| &stored.event)
    }
}

/// As a reader sees it: an automatic attempt that has begun shows as `processing`.
fn shown(row: &Row) -> Delivery {
    let mut delivery = row.delivery.clone();
    let owner = row.lease.as_ref().map(|lease| &lease.owner);
    if owner.is_some() && row.begun.as_ref() == owner {
        delivery.status = Status::Processing;
    }
    delivery
}

fn tasks(row: &Row) -> Vec<DeliveryTask> {
    let delivery = &row.delivery;
    let tasks = [
        (!delivery.is_terminal()).then_some(TaskKind::Scheduled(delivery.sequence)),
        delivery.pending_manual_token.clone().map(TaskKind::Manual),
    ];
    tasks
        .into_iter()
        .flatten()
        .map(|kind| DeliveryTask {
            tenant_id: delivery.tenant.clone(),
            delivery_id: delivery.id.clone(),
            kind,
        })
        .collect()
}
