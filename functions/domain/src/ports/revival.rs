//! Redrive and manual retry.

use std::future::Future;

use super::Fault;
use crate::dead_letter::DeadLetter;
use crate::delivery::Delivery;
use crate::ids::{DeliveryId, TenantId};
use crate::time::Time;
use crate::ulid::Ulid;

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

/// Asking for attempts from outside of the schedule.
pub trait Revival {
    /// Sets a manual token on a delivery that waits for none and has been asked for fewer than [`MAX_MANUAL_ATTEMPTS`], and counts it. The token that waits
    /// afterwards, ours or an earlier one.
    fn ask_manual(
        &self,
        tenant: &TenantId,
        delivery: &DeliveryId,
        token: &str,
        now: Time,
    ) -> impl Future<Output = Result<Result<String, NotAsked>, Fault>> + Send;
    /// Puts a failed delivery back and marks its dead letter redriven, in one transaction. The delivery if it was this call that did it. A manual
    /// attempt that is under way goes on: what comes of it is [rebased](Delivery::rebased).
    fn revive(
        &self,
        dead: &DeadLetter,
        job: Option<Ulid>,
        now: Time,
    ) -> impl Future<Output = Result<Option<Delivery>, Fault>> + Send;
}
