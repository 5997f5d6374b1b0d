//! Intake of the events queue: who may publish for which tenant and under which id, or why the
//! message becomes a dead letter.

use std::sync::Arc;

use super::dispatch::{Dispatcher, DispatcherDeps, QueueMessage};
use crate::dead_letter::{DeadLetter, OLDER_THAN_TENANT, Reason};
use crate::event::NewEvent;
use crate::flow::publish::is_ours;
use crate::ids::{DeadLetterId, EventId, TenantId};
use crate::ports::{
    Clock as _, ConfigStore as _, DeliveryStore as _, EventIdClaim, EventIdRequest, Fault,
    OnceName, Stage, Telemetry as _,
};
use crate::tenant::{Tenant, TenantSnapshot, may_publish};
use crate::ulid::Ulid;

/// Why a message cannot become an event.
pub(super) struct RejectedMessage {
    pub(super) tenant: Option<TenantId>,
    pub(super) reason: Reason,
    pub(super) detail: String,
}

/// The key under which a message's event is stored.
pub(super) struct EventIdOutcome {
    pub(super) key: Ulid,
    /// The key belongs to another publisher that claimed the same id and gave it up: see
    /// `possible_duplicate`.
    pub(super) is_taken_over: bool,
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// The tenant's snapshot, if the tenant exists and the sender may publish for it.
    pub(super) async fn snapshot_for_publisher(
        &self,
        tenant: &TenantId,
        message: &QueueMessage,
    ) -> Result<Result<Arc<TenantSnapshot>, RejectedMessage>, Fault> {
        let rejected = |reason, detail: &str| {
            Ok(Err(RejectedMessage {
                tenant: None,
                reason,
                detail: detail.to_owned(),
            }))
        };
        let Some(snapshot) = self
            .deps
            .config()
            .tenant_snapshot(tenant, message.snapshot_not_before())
            .await?
        else {
            return rejected(
                Reason::UnknownTenant,
                "There is no tenant with the id in the body.",
            );
        };
        if message.sent < snapshot.tenant.log_begins() {
            return rejected(Reason::UnknownTenant, OLDER_THAN_TENANT);
        }
        if !may_publish(
            &snapshot.tenant,
            &message.sender,
            &self.policy.trusted_senders,
        ) {
            let detail =
                "The sender is not among the principals registered as the tenant's publishers.";
            return rejected(Reason::SenderNotAllowed, detail);
        }
        Ok(Ok(snapshot))
    }

    /// Claims the event's id and returns its key, or `None` if the same event already has the id.
    pub(super) async fn claim_event_name(
        &self,
        event: &NewEvent,
        tenant: &Tenant,
        message: &QueueMessage,
    ) -> Result<Result<Option<EventIdOutcome>, RejectedMessage>, Fault> {
        let since = tenant.log_begins();
        let tenant = &tenant.id;
        // The same message always gets the same key, however often it is received.
        let key = Ulid::derived(message.sent, &message.id);
        let Some(id) = &event.id else {
            let is_taken_over = false;
            return Ok(Ok(Some(EventIdOutcome { key, is_taken_over })));
        };
        let conflict = || RejectedMessage {
            tenant: Some(tenant.clone()),
            reason: Reason::IdConflict,
            detail: format!("The id {id} was used within the last 24 hours for another event."),
        };
        if EventId::generated(key) != *id && is_ours(self.deps.store(), tenant, id).await? {
            return Ok(Err(conflict()));
        }
        // The message itself is the owner, whichever invocation processes it: it may claim the id,
        // die, and come back to an id that another publisher left to it. Test: regressions.rs, an
        // id taken over.
        let request = EventIdRequest {
            tenant,
            name: &OnceName::Event(id.clone()),
            key,
            fingerprint: &event.fingerprint(),
            since,
            owner: &key.to_string(),
            now: self.deps.clock().now(),
            already_durable: true,
        };
        match self.deps.store().claim_event_id(&request).await? {
            EventIdClaim::Acquired { key, is_taken_over } => {
                Ok(Ok(Some(EventIdOutcome { key, is_taken_over })))
            }
            EventIdClaim::AlreadyAccepted(_) => Ok(Ok(None)),
            EventIdClaim::InProgress => Err(Fault::transient(
                Stage::Busy,
                "another publication of this id is being stored",
            )),
            EventIdClaim::Conflict => Ok(Err(conflict())),
        }
    }

    pub(super) async fn dead_letter_message(
        &self,
        message: &QueueMessage,
        rejected: RejectedMessage,
    ) -> Result<(), Fault> {
        let dead = DeadLetter {
            id: DeadLetterId(Ulid::derived(message.sent, &message.id)),
            tenant: rejected.tenant,
            at: message.sent,
            reason: rejected.reason,
            detail: rejected.detail,
            body: message.body_of_dead(),
        };
        self.deps.telemetry().message_rejected(&dead);
        self.deps.store().put_dead_letter(&dead).await
    }
}
