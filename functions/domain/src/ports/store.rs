//! Events, deliveries and dead letters.

use std::future::Future;

use super::{
    DeliveryTask, Due, EventIdClaim, EventIdRequest, Fault, Lease, LeaseResult, NotAsked, OnceName,
    StoredEvent,
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
    /// An event by itself, strongly consistent, whatever and however much stands beside it.
    fn get_event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<Option<Event>, Fault>> + Send;
    /// Writes an event with the deliveries that end inside it. False if another writer was first;
    /// our own lost answer counts as true.
    fn put_event(
        &self,
        event: &Event,
        inline: &[Delivery],
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Writes a delivery as an item of its own, with its dead letter in one transaction. False if
    /// another writer was first.
    fn create_delivery(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Takes the lease for one task, by a conditional write.
    fn acquire_lease(
        &self,
        task: &DeliveryTask,
        lease: &Lease,
        now: Time,
    ) -> impl Future<Output = Result<LeaseResult, Fault>> + Send;
    /// Keeps a claimed delivery's last attempt where the next one will not take its place. Done
    /// before that one is sent: then nothing but its outcome is left to write after it.
    fn archive_last_attempt(
        &self,
        claimed: &Delivery,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Ends the lease and writes what came of it, [rebased](Delivery::rebased) on what others did
    /// since the claim; a delivery whose manual attempt waits stays among what is due. False if the
    /// lease was lost to another meanwhile.
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
    /// The event of a claimed name is stored and sent.
    fn mark_event_id_accepted(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Records that a stored event is about to be announced once more. From now on its first
    /// attempts need a lease like all others.
    fn require_lease_for_first_attempts(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Releases an unsent name, so that the caller may repeat at once.
    fn release_event_id(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sets a manual token on a delivery that waits for none and has been asked for fewer than
    /// [`super::MAX_MANUAL_ATTEMPTS`], and counts it. The token that waits afterwards, ours or an
    /// earlier one.
    fn request_manual_retry(
        &self,
        tenant: &TenantId,
        delivery: &DeliveryId,
        token: &str,
        now: Time,
    ) -> impl Future<Output = Result<Result<String, NotAsked>, Fault>> + Send;
    /// Redrives a failed delivery and marks its dead letter redriven, in one transaction. The
    /// delivery if it was this call that did it. A manual attempt that is under way goes on: what
    /// comes of it is [rebased](Delivery::rebased).
    fn redrive_delivery(
        &self,
        dead: &DeadLetter,
        job: Option<Ulid>,
        now: Time,
    ) -> impl Future<Output = Result<Option<Delivery>, Fault>> + Send;
    /// Writes a dead letter; the same one again changes nothing.
    fn put_dead_letter(&self, dead: &DeadLetter) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The index of what is due: deliveries that nothing seems to carry, and events to be erased.
pub trait DueIndex {
    /// Up to `limit` of what was due before `now` in one shard of the index.
    fn list_overdue(
        &self,
        shard: u8,
        now: Time,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Due>, Fault>> + Send;
    /// Not to be looked at again before `until`, unless it moves on.
    fn postpone(
        &self,
        task: &DeliveryTask,
        until: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Takes away what an event says, what receivers answered, and the message that it came in
    /// where that is a dead letter; marks the event first and then its deliveries, so that nobody
    /// who reads it from then on sends it. Answers the next attempts of the deliveries that still
    /// wait for one; none, if there is no such event.
    ///
    /// Whoever read the event before may write what he was answered until `again`: from then on
    /// [`DueIndex::list_overdue`] answers the event, until this is called without it.
    fn erase(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> impl Future<Output = Result<Option<Vec<DeliveryTask>>, Fault>> + Send;
}
