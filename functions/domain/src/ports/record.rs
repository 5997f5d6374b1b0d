//! What a store of events and deliveries returns.

use super::{DeliveryTask, Fault, Stage};
use crate::delivery::Delivery;
use crate::event::Event;
use crate::ids::{DeliveryId, TenantId};
use crate::time::Time;
use crate::ulid::Ulid;

/// Exclusive work on a delivery, until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Random, per attempt.
    pub owner: String,
    /// The end.
    pub until: Time,
}

/// The result of acquiring a delivery's lease.
#[derive(Clone, Debug, PartialEq)]
pub enum LeaseResult {
    /// This caller has the lease.
    Acquired(Box<Delivery>),
    /// Another caller has the lease until then.
    Held(Time),
    /// A later attempt replaced the task; this is the delivery's present state.
    Superseded(Box<Delivery>),
    /// There is no such delivery.
    NotFound,
}

/// An event in the table, with its deliveries.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// Its deliveries.
    pub deliveries: Vec<StoredDelivery>,
    /// Since when it is marked, if it is: it may have more than one message.
    pub first_attempts_need_lease_since: Option<Time>,
    /// Whether every delivery could be read. If not, the others are listed.
    pub is_complete: bool,
}

impl StoredEvent {
    /// For callers that would create a delivery that is missing from the list.
    ///
    /// # Errors
    /// If a delivery could not be read.
    pub fn complete(self) -> Result<Self, Fault> {
        if self.is_complete {
            return Ok(self);
        }
        Err(Fault::corrupt(
            Stage::ReadStore,
            "a delivery of this event cannot be read",
        ))
    }

    /// One of its deliveries, if it exists.
    ///
    /// # Errors
    /// If it is not among the deliveries that could be read, and one could not be read.
    pub fn delivery(self, id: &DeliveryId) -> Result<Option<StoredDelivery>, Fault> {
        let is_complete = self.is_complete;
        let mut deliveries = self.deliveries.into_iter();
        match deliveries.find(|recorded| recorded.delivery.id == *id) {
            None if !is_complete => Err(Fault::corrupt(
                Stage::ReadStore,
                "this delivery may be the one that cannot be read",
            )),
            found => Ok(found),
        }
    }
}

/// A delivery in the table.
#[derive(Clone, Debug)]
pub struct StoredDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Whether it is stored inline in its event's item (a success at the first attempt) and has no
    /// item of its own.
    pub is_inline: bool,
}

/// The maximum number of manual attempts per delivery. Each is stored with up to 16 KiB of its
/// response.
pub const MAX_MANUAL_ATTEMPTS: u32 = 100;

/// Why no manual attempt is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// There is no such delivery.
    Missing,
    /// The maximum number has been requested.
    TooMany,
}

/// An entry of the index of due work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A delivery that no message seems to carry.
    DeliveryTask(DeliveryTask),
    /// An event that was erased a while ago: late writes must be erased as well.
    Erasure(TenantId, Ulid),
}

/// An entry of the index of due work, and the time since when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// The entry.
    pub due: Due,
    /// Since when.
    pub since: Time,
}
