//! Publishing over the HTTP API: store, announce, answer.
//!
//! Cost: two writes and one send for an event with a generated id, four writes and one send where
//! the caller brings an id (the id's claim and its mark are separate items, since log keys sort by
//! time and a caller's id does not).

use std::fmt;
use std::time::Duration;

use futures::stream::{StreamExt as _, iter};

use super::possible_duplicate::{send_again, send_all_first, send_first};
use crate::event::NewEvent;
use crate::ids::{EventId, TenantId};
use crate::ports::{
    Clock, DeliveryStore, EventIdClaim, EventIdRequest, EventQueue, Fault, OnceName, Stage,
};
use crate::rejection::{Code, Rejection};
use crate::time::Time;
use crate::ulid::Ulid;

/// How often and how long a caller waits while another stores the same id.
const MAX_POLLS: u32 = 40;
const POLL_INTERVAL: Duration = Duration::from_millis(125);

/// How many events of a batch are stored concurrently.
const AT_ONCE: usize = 10;

/// The progress of one event of a batch.
enum Done {
    Answered(Result<Result<Published, Rejection>, Fault>),
    Stored(Ulid, EventId),
}

/// Accepts events.
pub struct Publisher<'a, L, O, M> {
    /// The store of events.
    pub store: &'a L,
    /// The queue to the dispatcher.
    pub events: &'a O,
    /// Time and randomness.
    pub clock: &'a M,
    /// Events stored before this time do not belong to the tenant: see
    /// [`crate::tenant::log_begins`].
    pub since: Time,
}

/// The answer to an accepted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The event's id.
    pub id: EventId,
    /// Whether the same id was accepted before.
    pub duplicate: bool,
}

impl<L: DeliveryStore + Sync, O: EventQueue + Sync, M: Clock + Sync> Publisher<'_, L, O, M> {
    /// Accepts one event. `key` is its key in the log if it is new.
    ///
    /// # Errors
    /// A fault means not accepted: the caller retries with the same id, and no duplicate arises.
    pub async fn publish(
        &self,
        tenant: &TenantId,
        event: NewEvent,
        key: Ulid,
    ) -> Result<Result<Published, Rejection>, Fault> {
        let Some(id) = event.id.clone() else {
            let event = event.accept(tenant.clone(), key);
            self.store
                .put_event(&event, &[], &self.clock.new_owner())
                .await?;
            send_first(self.systems(), tenant, key).await?;
            return Ok(Ok(Published {
                id: event.id,
                duplicate: false,
            }));
        };
        if is_ours(self.store, tenant, &id).await? {
            return Ok(Err(conflict(&id)));
        }
        let name = OnceName::Event(id);
        self.publish_once(tenant, &name, Some(event), key).await
    }

    /// Accepts many events and returns one answer for each, in order. Those without an id are
    /// announced together, ten in a request. An event that could not be announced is not accepted;
    /// the others are.
    pub async fn publish_all(
        &self,
        tenant: &TenantId,
        events: Vec<(NewEvent, Ulid)>,
    ) -> Vec<Result<Result<Published, Rejection>, Fault>> {
        let work = events.into_iter().map(|(event, key)| async move {
            if event.id.is_some() {
                return Done::Answered(self.publish(tenant, event, key).await);
            }
            let event = event.accept(tenant.clone(), key);
            match self
                .store
                .put_event(&event, &[], &self.clock.new_owner())
                .await
            {
                Ok(_) => Done::Stored(key, event.id),
                Err(fault) => Done::Answered(Err(fault)),
            }
        });
        let done: Vec<Done> = iter(work).buffered(AT_ONCE).collect().await;
        let stored: Vec<Ulid> = done
            .iter()
            .filter_map(|done| match done {
                Done::Stored(key, _) => Some(*key),
                Done::Answered(_) => None,
            })
            .collect();
        let mut refused = send_all_first(self.systems(), tenant, &stored).await;
        done.into_iter()
            .map(|done| match done {
                Done::Answered(answer) => answer,
                Done::Stored(key, id) => match refused.remove(&key) {
                    Some(fault) => Err(fault),
                    None => Ok(Ok(Published {
                        id,
                        duplicate: false,
                    })),
                },
            })
            .collect()
    }

    /// Stores and announces an event once, however many callers ask concurrently under one name.
    /// Without an event, announces the one that is stored under `key`.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub async fn publish_once(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        event: Option<NewEvent>,
        key: Ulid,
    ) -> Result<Result<Published, Rejection>, Fault> {
        let fingerprint = event
            .as_ref()
            .map(NewEvent::fingerprint)
            .unwrap_or_default();
        let owner = self.clock.new_owner();
        let id_of = |key| {
            event
                .as_ref()
                .and_then(|e| e.id.clone())
                .unwrap_or_else(|| EventId::generated(key))
        };
        for _ in 0..MAX_POLLS {
            let now = self.clock.now();
            let request = EventIdRequest {
                tenant,
                name,
                key,
                fingerprint: &fingerprint,
                since: self.since,
                owner: &owner,
                now,
                already_durable: false,
            };
            match self.store.claim_event_id(&request).await? {
                EventIdClaim::Acquired { key, is_taken_over } => {
                    let done = self
                        .store_and_announce(tenant, event.clone(), key, is_taken_over)
                        .await;
                    if done.is_err() {
                        self.store.release_event_id(tenant, name, &owner).await?;
                    }
                    done?;
                    self.store
                        .mark_event_id_accepted(tenant, name, &owner)
                        .await?;
                    return Ok(Ok(Published {
                        id: id_of(key),
                        duplicate: false,
                    }));
                }
                EventIdClaim::AlreadyAccepted(key) => {
                    return Ok(Ok(Published {
                        id: id_of(key),
                        duplicate: true,
                    }));
                }
                EventIdClaim::Conflict => return Ok(Err(conflict(name))),
                EventIdClaim::InProgress => self.clock.sleep(POLL_INTERVAL).await,
            }
        }
        Err(Fault::transient(
            Stage::Busy,
            "another publication of this id is still being stored",
        ))
    }

    fn systems(&self) -> (&L, &O, &M) {
        (self.store, self.events, self.clock)
    }

    async fn store_and_announce(
        &self,
        tenant: &TenantId,
        event: Option<NewEvent>,
        key: Ulid,
        is_taken_over: bool,
    ) -> Result<(), Fault> {
        if let Some(event) = event {
            // False means that an earlier owner stored it and died before announcing it.
            self.store
                .put_event(
                    &event.accept(tenant.clone(), key),
                    &[],
                    &self.clock.new_owner(),
                )
                .await?;
        }
        if is_taken_over {
            send_again(self.systems(), tenant, key).await
        } else {
            send_first(self.systems(), tenant, key).await
        }
    }
}

/// Whether an id chosen by the caller is the generated id of one of the tenant's events; it would
/// then name two events.
pub(super) async fn is_ours<L: DeliveryStore>(
    store: &L,
    tenant: &TenantId,
    id: &EventId,
) -> Result<bool, Fault> {
    let Some(key) = id.key() else {
        return Ok(false);
    };
    let record = store.get_stored_event(tenant, key).await?;
    Ok(record.is_some_and(|record| record.event.id == *id))
}

fn conflict(id: &impl fmt::Display) -> Rejection {
    let detail = format!(
        "The id {id} was used within the last 24 hours for another event. Use a new id, or send the same event."
    );
    Rejection::new(Code::IdConflict, detail).field("id")
}
