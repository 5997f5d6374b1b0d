//! First attempts of an event that may have two messages.
//!
//! The story in order:
//!
//! 1. The first attempts of an event take no lease: a lease for each would be one more write for
//!    every event. That is safe while the event has one message. Only one dispatcher holds a
//!    message at a time, and when the message comes back, that dispatcher has ended.
//! 2. An event of the HTTP API may have a second message. Either the queue did not answer the first
//!    send ([`Stage::Ambiguous`]), so the message may be in the queue or not. Or the publisher died
//!    or failed after its send, and another publisher took over the id that the caller chose,
//!    together with the stored event.
//! 3. So the publisher that sends the second message first marks the stored event
//!    ([`DeliveryStore::require_lease_for_first_attempts`]). A dispatcher that reads a marked event
//!    makes no first attempt itself. It creates each missing delivery as an item that is due now,
//!    and enqueues a task for it. The task takes a lease, like a retry.
//! 4. A dispatcher that read the event before it was marked may still be making first attempts
//!    without a lease. So the second message is delayed by the dispatcher's timeout: when it
//!    arrives, that dispatcher has ended. What it recorded is skipped, what it did not record is
//!    attempted with a lease.
//! 5. The other publisher may be a message of the events queue itself, whose sender chose the same
//!    id. It is received already, so it cannot be delayed. It marks the event, unless another
//!    publisher has, and goes back to the queue until the mark is older than the dispatcher's
//!    timeout. Then it continues as in 3. How often it was received says nothing: it may have failed
//!    before it came here, and another publisher may have marked the event just now.
//!
//! An event with one message costs no request for any of this. Tests: `tests/model`, which removes
//! each of these rules; the simulator's regressions.rs, first attempts under way; row 3 of
//! `make chaos`.

use std::collections::HashMap;
use std::time::Duration;

use super::LEASE_MARGIN;
use super::deliver::{Dispatcher, DispatcherDeps, QueueMessage, both, webhooks_of};
use crate::delivery::Delivery;
use crate::filter::Selection;
use crate::ids::TenantId;
use crate::ports::{Clock, DeliveryStore, EventQueue, Fault, Stage, StoredEvent};
use crate::tenant::{Subscription, TenantSnapshot};
use crate::time::Time;
use crate::ulid::Ulid;

/// Sends the key of an event that was stored just now. Sends it again if the queue does not answer.
pub(super) async fn send_first<S: DeliveryStore, Q: EventQueue, C: Clock>(
    (store, events, clock): (&S, &Q, &C),
    tenant: &TenantId,
    key: Ulid,
) -> Result<(), Fault> {
    match events.send(tenant, key, false).await {
        Err(fault) if fault.stage == Stage::Ambiguous => {
            send_again((store, events, clock), tenant, key).await
        }
        result => result,
    }
}

/// Sends the key of an event that may have a message already.
pub(super) async fn send_again<S: DeliveryStore, Q: EventQueue, C: Clock>(
    (store, events, clock): (&S, &Q, &C),
    tenant: &TenantId,
    key: Ulid,
) -> Result<(), Fault> {
    store
        .require_lease_for_first_attempts(tenant, key, clock.now())
        .await?;
    events.send(tenant, key, true).await
}

/// [`send_first`] for many events. Returns the keys that could not be sent.
pub(super) async fn send_all_first<S: DeliveryStore, Q: EventQueue, C: Clock>(
    (store, events, clock): (&S, &Q, &C),
    tenant: &TenantId,
    keys: &[Ulid],
) -> HashMap<Ulid, Fault> {
    let (mut failed, mut marked) = (HashMap::new(), Vec::new());
    for (key, fault) in events.send_all(tenant, keys, false).await {
        if fault.stage != Stage::Ambiguous {
            failed.insert(key, fault);
        } else if let Err(fault) = store
            .require_lease_for_first_attempts(tenant, key, clock.now())
            .await
        {
            failed.insert(key, fault);
        } else {
            marked.push(key);
        }
    }
    failed.extend(events.send_all(tenant, &marked, true).await);
    failed
}

/// How a message makes the first attempts of an event that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstAttempts {
    /// At once: no other message is at work.
    WithoutLease,
    /// By a task for each delivery, which takes a lease.
    WithLease,
    /// Not now: another message may be at work without a lease. The event is to be marked.
    MarkAndWait,
    /// Not now; the event is marked already.
    Wait,
}

impl FirstAttempts {
    /// Chooses for a message that reads the event now, or took it over from another publisher.
    /// `marked_at` is when the event was marked, if it was.
    ///
    /// Once `dispatcher_timeout` and a [`LEASE_MARGIN`] have passed since the mark, every
    /// dispatcher that read the event before it has ended. The margin covers the write of the mark,
    /// and clocks that disagree.
    #[must_use]
    pub fn choose(
        is_taken_over: bool,
        marked_at: Option<Time>,
        now: Time,
        dispatcher_timeout: Duration,
    ) -> Self {
        match marked_at {
            None if is_taken_over => Self::MarkAndWait,
            None => Self::WithoutLease,
            Some(at) if is_taken_over && now < at.plus(dispatcher_timeout).plus(LEASE_MARGIN) => {
                Self::Wait
            }
            Some(_) => Self::WithLease,
        }
    }
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// How this message makes the first attempts of a stored event. Fails if it has to go back to
    /// the queue first.
    pub(super) async fn choose_first_attempts(
        &self,
        record: &StoredEvent,
        is_taken_over: bool,
        message: &QueueMessage,
        deadline: Time,
    ) -> Result<FirstAttempts, Fault> {
        let now = self.deps.clock().now();
        let marked_at = record.first_attempts_need_lease_since;
        let dispatcher_timeout = deadline.since(message.received);
        let choice = FirstAttempts::choose(is_taken_over, marked_at, now, dispatcher_timeout);
        if choice == FirstAttempts::MarkAndWait {
            let (tenant, key) = (&record.event.tenant, record.event.key);
            self.deps
                .store()
                .require_lease_for_first_attempts(tenant, key, now)
                .await?;
        }
        match choice {
            FirstAttempts::WithoutLease | FirstAttempts::WithLease => Ok(choice),
            FirstAttempts::MarkAndWait | FirstAttempts::Wait => Err(Fault::transient(
                Stage::Busy,
                "another message of this event may be at work",
            )),
        }
    }

    /// The missing deliveries of a marked event: each becomes an item that is due now, before its
    /// first attempt, which then takes a lease like all others.
    pub(super) async fn first_attempts_with_lease(
        &self,
        record: &StoredEvent,
        snapshot: &TenantSnapshot,
    ) -> Result<(), Fault> {
        let recorded = webhooks_of(&record.deliveries);
        let mut result = Ok(());
        let missing = {
            let selection = Selection::of(&record.event);
            let is_owed = |to: &&Subscription| to.webhook.is_owed(&record.event, &selection);
            let owed = snapshot.subscriptions.iter().filter(is_owed);
            owed.filter(|to| !recorded.contains(&to.webhook.id))
                .collect::<Vec<_>>()
        };
        for to in missing {
            let delivery =
                Delivery::new(&record.event, &to.webhook.id).due_at(self.deps.clock().now());
            // False: another message created it, or this one before it came back. If it has no
            // task, the sweeper finds it due.
            result = both(
                result,
                match self
                    .deps
                    .store()
                    .create_delivery(&delivery, None, &self.deps.clock().new_owner())
                    .await
                {
                    Ok(true) => self.schedule_next(&delivery).await,
                    Ok(false) => Ok(()),
                    Err(fault) => Err(fault),
                },
            );
        }
        both(result, snapshot.all_readable())
    }
}
