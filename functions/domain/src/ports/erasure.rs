//! Taking away what an event says.

use std::future::Future;

use super::{Errand, Fault};
use crate::ids::TenantId;
use crate::time::Time;
use crate::ulid::Ulid;

/// What the sweeper finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A delivery that nothing seems to carry.
    Errand(Errand),
    /// An event that was erased a while ago: what was written late is to be erased as well.
    Erasure(TenantId, Ulid),
}

/// Events that can be erased.
pub trait Erasure {
    /// Takes away what an event says, what receivers answered, and the message that it came in where that is a dead letter; marks the event first and
    /// then its deliveries, so that nobody who reads it from then on sends it. Answers the next attempts of the deliveries that still wait for one;
    /// none, if there is no such event.
    ///
    /// Whoever read the event before may write what he was answered until `again`: from then on [`Overdue`](super::Overdue) answers the event, until this is
    /// called without it.
    fn erase(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
        again: Option<Time>,
    ) -> impl Future<Output = Result<Option<Vec<Errand>>, Fault>> + Send;
}
