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

/// What came of claiming a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The lease is ours.
    Ours(Box<Delivery>),
    /// Somebody else's lease runs until then.
    Busy(Time),
    /// The delivery has moved on; this is where it stands.
    Stale(Box<Delivery>),
    /// There is no such delivery.
    Missing,
}

/// An event and what became of it so far.
#[derive(Clone, Debug)]
pub struct Record {
    /// The event.
    pub event: Event,
    /// Its deliveries.
    pub deliveries: Vec<Recorded>,
    /// Whether it was announced more than once.
    pub again: bool,
    /// Whether each of its deliveries could be read. Where one could not, the others are here.
    pub is_whole: bool,
}

impl Record {
    /// For whoever takes a delivery that is not there for missing, and would make it anew.
    ///
    /// # Errors
    /// If a delivery could not be read.
    pub fn whole(self) -> Result<Self, Fault> {
        if self.is_whole {
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
    pub fn delivery(self, id: &DeliveryId) -> Result<Option<Recorded>, Fault> {
        let is_whole = self.is_whole;
        let mut deliveries = self.deliveries.into_iter();
        match deliveries.find(|recorded| recorded.delivery.id == *id) {
            None if !is_whole => Err(Fault::new(
                Stage::Corrupt,
                "this delivery may be the one that cannot be read",
            )),
            found => Ok(found),
        }
    }
}

/// A delivery in the log.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The delivery.
    pub delivery: Delivery,
    /// Whether it lives inside its event's item (a success at the first attempt) and has no life of its own.
    pub embedded: bool,
}

/// How many manual attempts of one delivery may be asked for. Each is kept with up to 16 KiB of its answer.
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
