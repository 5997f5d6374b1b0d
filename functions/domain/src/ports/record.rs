//! What a store of events and deliveries answers.

use super::{DeliveryTask, Fault, Stage};
use crate::delivery::Delivery;
use crate::event::Event;
use crate::ids::{DeliveryId, TenantId};
use crate::time::Time;
use crate::ulid::Ulid;

/// Who works on a delivery, and until when nobody else may.
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
    /// Whether it was announced more than once.
    pub first_attempts_need_lease: bool,
    /// Whether each of its deliveries could be read. Where one could not, the others are here.
    pub is_complete: bool,
}

impl StoredEvent {
    /// For whoever takes a delivery that is not there for missing, and would make it anew.
    ///
    /// # Errors
    /// If a delivery could not be read.
    pub fn complete(self) -> Result<Self, Fault> {
        if self.is_complete {
            return Ok(self);
        }
        Err(Fault::new(
            Stage::Corrupt,
            "a delivery of this event cannot be read",
        ))
    }

    /// One of its deliveries; none if it has no such.
    ///
    /// # Errors
    /// If it is not among those that could be read, and one could not.
    pub fn delivery(self, id: &DeliveryId) -> Result<Option<StoredDelivery>, Fault> {
        let is_complete = self.is_complete;
        let mut deliveries = self.deliveries.into_iter();
        match deliveries.find(|recorded| recorded.delivery.id == *id) {
            None if !is_complete => Err(Fault::new(
                Stage::Corrupt,
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

/// How many manual attempts of one delivery may be asked for. Each is kept with up to 16 KiB of its
/// answer.
pub const MAX_MANUAL_ATTEMPTS: u32 = 100;

/// Why no manual attempt waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// There is no such delivery.
    Missing,
    /// As many were asked for as may be.
    TooMany,
}

/// What the sweeper finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A delivery that nothing seems to carry.
    DeliveryTask(DeliveryTask),
    /// An event that was erased a while ago: what was written late is to be erased as well.
    Erasure(TenantId, Ulid),
}
