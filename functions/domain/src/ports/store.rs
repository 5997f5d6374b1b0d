//! Events, deliveries and dead letters.

use std::future::Future;

use super::{
    DeliveryTask, EventIdClaim, EventIdRequest, Fault, Lease, LeaseResult, NotAsked, OnceName,
    Overdue, StoredEvent,
};
use crate::dead_letter::DeadLetter;
use crate::delivery::Delivery;
use crate::event::Event;
use crate::ids::{DeliveryId, TenantId};
use crate::time::Time;
use crate::ulid::Ulid;

/// Events, deliveries and dead letters: the tables that one transaction may span.
pub trait DeliveryStore {
    /// An event and its deliveries, strongly consistent.
    fn get_stored_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<Option<StoredEvent>, Fault>> + Send;
    /// An event without its deliveries, strongly consistent, however many deliveries it has.
    fn get_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<Option<Event>, Fault>> + Send;
    /// Writes an event with its inline deliveries. False if another writer was first; a write of
    /// our own whose response was lost counts as true.
    fn put_event(
        &self,
        event: &Event,
        inline: &[Delivery],
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Writes a delivery as a separate item, with its dead letter in one transaction. False if
    /// another writer was first.
    fn create_delivery(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Acquires the lease for one task with a conditional write.
    fn acquire_lease(
        &self,
        task: &DeliveryTask,
        lease: &Lease,
        now: Time,
    ) -> impl Future<Output = Result<LeaseResult, Fault>> + Send;
    /// Moves a leased delivery's last attempt to where the next one does not replace it. Done
    /// before the next request is sent: after it, only the outcome remains to be written.
    fn archive_last_attempt(
        &self,
        claimed: &Delivery,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Ends the lease and writes the outcome, [rebased](Delivery::rebased) on changes that others
    /// made since the lease was acquired. A delivery with a pending manual attempt stays in the due
    /// index. False if another caller took the lease meanwhile.
    fn complete_attempt(
        &self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Claims a name for 24 hours.
    fn claim_event_id(
        &self,
        request: &EventIdRequest<'_>,
    ) -> impl Future<Output = Result<EventIdClaim, Fault>> + Send;
    /// Marks that the event of a claimed name is stored and sent.
    fn mark_event_id_accepted(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Marks a stored event that may get a second message, unless it is marked. From now on its
    /// first attempts need a lease like all others: see `flow/possible_duplicate.rs`.
    fn require_lease_for_first_attempts(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Releases a name whose event was not sent, so that the caller may retry at once.
    fn release_event_id(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sets a manual token on a delivery that has none pending and fewer than
    /// [`super::MAX_MANUAL_ATTEMPTS`] requests, and counts the request. Returns the token that is
    /// pending afterwards, this one or an earlier one.
    fn request_manual_retry(
        &self,
        tenant: &TenantId,
        delivery: &DeliveryId,
        token: &str,
        now: Time,
    ) -> impl Future<Output = Result<Result<String, NotAsked>, Fault>> + Send;
    /// Redrives a failed delivery and marks its dead letter redriven, in one transaction. Returns
    /// the delivery if this call redrove it. A manual attempt in progress continues: its result is
    /// [rebased](Delivery::rebased).
    fn redrive_delivery(
        &self,
        dead: &DeadLetter,
        job: Option<Ulid>,
        now: Time,
    ) -> impl Future<Output = Result<Option<Delivery>, Fault>> + Send;
    /// Writes a dead letter; writing the same one again changes nothing.
    fn put_dead_letter(&self, dead: &DeadLetter) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The index of due work: deliveries that no message seems to carry, and events to erase.
pub trait DueIndex {
    /// Up to `limit` entries that were due before `now` in one shard of the index, oldest first.
    fn list_overdue(
        &self,
        shard: u8,
        now: Time,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Overdue>, Fault>> + Send;
    /// Hides an entry until `until`, unless it moves on.
    fn postpone(
        &self,
        task: &DeliveryTask,
        until: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Erases an event's content, the receivers' responses, and the message that contained the
    /// event if it is a dead letter. Marks the event first and then its deliveries, so that no
    /// caller that reads it from then on sends it. Returns the next attempts of the deliveries that
    /// still wait for one; `None` if the event does not exist.
    ///
    /// A caller that read the event earlier may write a response until `again`. At that time
    /// [`DueIndex::list_overdue`] returns the event, until this is called without `again`.
    fn erase(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> impl Future<Output = Result<Option<Vec<DeliveryTask>>, Fault>> + Send;
}
