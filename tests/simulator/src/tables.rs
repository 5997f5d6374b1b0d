//! The log and the dead-letter table together, with the interface of `domain::ports`. `tests/it`
//! compares them with DynamoDB's.

use domain::dead_letter::{Body, DeadLetter};
use domain::delivery::{Delivery, Status};
use domain::event::Event;
use domain::ids::{DeadLetterId, DeliveryId, TenantId};
use domain::ports::{
    DeliveryTask, EventIdClaim, EventIdRequest, Lease, LeaseResult, NotAsked, OnceName, Overdue,
    StoredEvent,
};
use domain::time::Time;
use domain::ulid::Ulid;

use crate::dead_letters::DeadLetters;
use crate::deliveries::DeliveryRows;

#[derive(Default)]
pub struct Tables {
    pub(crate) deliveries: DeliveryRows,
    pub(crate) dead_letters: DeadLetters,
}

#[expect(
    missing_docs,
    reason = "each is the call of domain::ports with its name"
)]
impl Tables {
    pub fn get_stored_event(&self, tenant: &TenantId, event: Ulid) -> Option<StoredEvent> {
        self.deliveries.get_stored_event(tenant, event)
    }

    pub fn put_event(&mut self, event: &Event, inline: &[Delivery], owner: &str) -> bool {
        self.deliveries.put_event(event, inline, owner)
    }

    pub fn create_delivery(
        &mut self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> bool {
        let won = self.deliveries.create_delivery(delivery, owner);
        if let Some(dead) = dead.filter(|_| won) {
            self.dead_letters.put_dead_letter(dead);
        }
        won
    }

    pub fn acquire_lease(&mut self, task: &DeliveryTask, lease: &Lease, now: Time) -> LeaseResult {
        self.deliveries.acquire_lease(task, lease, now)
    }

    pub fn complete_attempt(
        &mut self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
        now: Time,
    ) -> bool {
        let won = self.deliveries.complete_attempt(before, after, owner, now);
        if won {
            if let Some(dead) = dead {
                self.dead_letters.put_dead_letter(dead);
            }
            if let Some(id) = resolved(before, after) {
                self.dead_letters.mark(id, None, now);
            }
        }
        won
    }

    pub fn claim_event_id(&mut self, request: &EventIdRequest<'_>) -> EventIdClaim {
        self.deliveries.claim_event_id(request)
    }

    pub fn mark_event_id_accepted(&mut self, tenant: &TenantId, name: &OnceName, owner: &str) {
        self.deliveries
            .end_event_id_claim(tenant, name, owner, true);
    }

    pub fn release_event_id(&mut self, tenant: &TenantId, name: &OnceName, owner: &str) {
        self.deliveries
            .end_event_id_claim(tenant, name, owner, false);
    }

    pub fn require_lease_for_first_attempts(&mut self, tenant: &TenantId, event: Ulid, now: Time) {
        self.deliveries
            .require_lease_for_first_attempts(tenant, event, now);
    }

    pub fn request_manual_retry(
        &mut self,
        tenant: &TenantId,
        id: &DeliveryId,
        token: &str,
        now: Time,
    ) -> Result<String, NotAsked> {
        self.deliveries.request_manual_retry(tenant, id, token, now)
    }

    pub fn redrive_delivery(
        &mut self,
        dead: &DeadLetter,
        job: Option<Ulid>,
        now: Time,
    ) -> Option<Delivery> {
        let (Some(tenant), Body::Delivery(died)) = (&dead.tenant, &dead.body) else {
            return None;
        };
        if !self.dead_letters.is_waiting(dead.id) {
            return None;
        }
        let delivery = self
            .deliveries
            .redrive_delivery(tenant, &died.id, dead.id, now)?;
        self.dead_letters.mark(dead.id, job, now);
        Some(delivery)
    }

    pub fn erase(
        &mut self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> Option<Vec<DeliveryTask>> {
        let (letters, waiting) = self.deliveries.erase(tenant, event, now, again)?;
        for letter in letters.into_iter().chain([DeadLetterId(event)]) {
            self.dead_letters.erase(letter);
        }
        Some(waiting)
    }

    pub fn list_overdue(&self, shard: u8, now: Time, limit: usize) -> Vec<Overdue> {
        self.deliveries.list_overdue(shard, now, limit)
    }

    pub fn postpone(&mut self, task: &DeliveryTask, until: Time) {
        self.deliveries.postpone(task, until);
    }

    pub fn put_dead_letter(&mut self, dead: &DeadLetter) {
        self.dead_letters.put_dead_letter(dead);
    }

    /// Dead letters that are not redriven, oldest first.
    pub fn waiting(&self) -> Vec<DeadLetter> {
        let waiting = |id: &&DeadLetterId| self.dead_letters.is_waiting(**id);
        let ids = self.dead_letters.kept.keys().filter(waiting);
        ids.map(|id| self.dead_letters.kept[id].dead.clone())
            .collect()
    }
}

/// A manual attempt delivered it: its dead letter must not be redriven any more.
pub(crate) fn resolved(before: &Delivery, after: &Delivery) -> Option<DeadLetterId> {
    before
        .dead_letter_id
        .filter(|_| after.dead_letter_id.is_none() && after.status == Status::Completed)
}
