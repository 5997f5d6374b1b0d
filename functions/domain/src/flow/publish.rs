//! The HTTP door: store, announce, answer.
//!
//! Cost: two writes and one send for an event whose id is ours, four writes and one send where the caller brings an id (the id's claim and its
//! mark are items of their own, since log keys sort by time and a caller's id does not).

use std::time::Duration;

use crate::event::NewEvent;
use crate::ids::{EventId, TenantId};
use crate::ports::{Fault, IdClaim, IdRequest, Log, Moment, Outbox, Stage};
use crate::rejection::{Code, Rejection};
use crate::ulid::Ulid;

/// How often and how long a caller waits while another stores the same id.
const LOOKS: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(125);

/// Accepts events.
pub struct Publisher<'a, L, O, M> {
    /// Where events are kept.
    pub log: &'a L,
    /// The way to the dispatcher.
    pub outbox: &'a O,
    /// Time and chance.
    pub moment: &'a M,
}

/// The answer to an accepted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The event's name.
    pub id: EventId,
    /// Whether the same id was accepted before.
    pub duplicate: bool,
}

impl<L: Log + Sync, O: Outbox + Sync, M: Moment + Sync> Publisher<'_, L, O, M> {
    /// Accepts one event. `key` is its place in the log if it is new: a key that comes again makes publishing repeatable.
    ///
    /// # Errors
    /// A fault means not accepted: the caller repeats with the same id, and nothing doubles.
    pub async fn publish(
        &self,
        tenant: &TenantId,
        event: NewEvent,
        key: Ulid,
    ) -> Result<Result<Published, Rejection>, Fault> {
        let Some(id) = event.id.clone() else {
            let event = event.accept(tenant.clone(), key);
            self.log.store(&event, &[], &self.moment.owner()).await?;
            self.outbox.announce(tenant, key).await?;
            return Ok(Ok(Published {
                id: event.id,
                duplicate: false,
            }));
        };
        if let Some(ours) = id.key()
            && self.log.read(tenant, ours).await?.is_some()
        {
            return Ok(Err(conflict(&id)));
        }
        self.publish_named(tenant, event, id, key).await
    }

    async fn publish_named(
        &self,
        tenant: &TenantId,
        event: NewEvent,
        id: EventId,
        key: Ulid,
    ) -> Result<Result<Published, Rejection>, Fault> {
        let (fingerprint, owner) = (event.fingerprint(), self.moment.owner());
        for _ in 0..LOOKS {
            let now = self.moment.now();
            let request = IdRequest {
                tenant,
                id: &id,
                key,
                fingerprint: &fingerprint,
                owner: &owner,
                now,
                safe: false,
            };
            match self.log.claim_id(&request).await? {
                IdClaim::Ours(key) => {
                    let stored = self.store_and_announce(tenant, event, key).await;
                    if stored.is_err() {
                        self.log.release_id(tenant, &id, &owner).await?;
                    }
                    stored?;
                    self.log.mark_sent(tenant, &id, &owner).await?;
                    return Ok(Ok(Published {
                        id,
                        duplicate: false,
                    }));
                }
                IdClaim::Done(_) => {
                    return Ok(Ok(Published {
                        id,
                        duplicate: true,
                    }));
                }
                IdClaim::Conflict => return Ok(Err(conflict(&id))),
                IdClaim::Busy => self.moment.pause(BETWEEN_LOOKS).await,
            }
        }
        Err(Fault::new(
            Stage::Claim,
            "another publication of this id is still being stored",
        ))
    }

    async fn store_and_announce(
        &self,
        tenant: &TenantId,
        event: NewEvent,
        key: Ulid,
    ) -> Result<(), Fault> {
        // False means that a predecessor stored it and died before it could announce it.
        self.log
            .store(
                &event.accept(tenant.clone(), key),
                &[],
                &self.moment.owner(),
            )
            .await?;
        self.outbox.announce(tenant, key).await
    }
}

fn conflict(id: &EventId) -> Rejection {
    let detail = format!(
        "The id {id} was used within the last 24 hours for another event. Use a new id, or send the same event."
    );
    Rejection::new(Code::IdConflict, detail).field("id")
}
