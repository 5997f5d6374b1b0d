//! Records a delivery, then does what follows from its verdict.

use super::dispatch::{Dispatcher, DispatcherDeps};
use crate::contract::{AtEnd, Contract};
use crate::dead_letter::{Body, DeadDelivery, DeadLetter, Reason};
use crate::delivery::{Delivery, DisableReason, Status, Trigger};
use crate::ids::DeadLetterId;
use crate::outcome::Outcome;
use crate::ports::{
    Clock as _, DeliveryStore as _, Fault, SlowTaskQueue as _, TaskQueue as _, Telemetry as _,
};
use crate::time::Time;
use crate::ulid::Ulid;

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Record, then queue: writes a delivery as a separate item and does the follow-up.
    pub(super) async fn record(
        &self,
        mut delivery: Delivery,
        contract: &Contract,
    ) -> Result<(), Fault> {
        let dead = dead_letter(&mut delivery, self.deps.clock().now());
        if !self
            .deps
            .store()
            .create_delivery(&delivery, dead.as_ref(), &self.deps.clock().new_owner())
            .await?
        {
            return Ok(());
        }
        if let (Some(dead), None) = (&dead, &delivery.last_attempt) {
            self.deps.telemetry().delivery_abandoned(dead);
        }
        self.follow_up(&delivery, Some(contract)).await
    }

    /// The follow-up of a recorded state. Repeating it does no harm: it is the step that is
    /// repeated when a message comes back after a crash between record and acknowledgement.
    pub(super) async fn follow_up(
        &self,
        delivery: &Delivery,
        contract: Option<&Contract>,
    ) -> Result<(), Fault> {
        // A later manual attempt may have replaced the deciding attempt in `last_attempt`; then the
        // webhook version of the deciding attempt is unknown.
        let decided = delivery
            .last_attempt
            .as_ref()
            .is_some_and(|attempt| attempt.trigger == Trigger::Automatic);
        let contract = contract.filter(|_| decided);
        let at_end = contract.map(|contract| (contract, contract.at_end));
        match (delivery.status, delivery.reason, at_end) {
            // Not attempted yet: the first attempt was put off to the slow lane.
            (Status::Pending, ..) => self.carry_slowly(delivery).await,
            (Status::Retrying, ..) => {
                self.schedule_next(delivery).await?;
                if let Some(contract) = contract {
                    self.warn(delivery, contract).await?;
                }
                Ok(())
            }
            (Status::Failed, Some(Reason::Gone), Some((contract, _))) => {
                self.switch_off(delivery, contract, DisableReason::Gone)
                    .await
            }
            (Status::Failed, Some(Reason::Exhausted), Some((contract, AtEnd::Disable))) => {
                self.switch_off(delivery, contract, DisableReason::Exhausted)
                    .await
            }
            _ => Ok(()),
        }
    }

    /// Enqueues the next automatic attempt.
    pub(in crate::flow) async fn schedule_next(&self, delivery: &Delivery) -> Result<(), Fault> {
        let Some(due) = delivery.next_attempt_at else {
            return Ok(());
        };
        let delay = due.since(self.deps.clock().now());
        self.deps.tasks().schedule(&delivery.task(), delay).await
    }

    /// Enqueues the first attempt of a slow webhook.
    async fn carry_slowly(&self, delivery: &Delivery) -> Result<(), Fault> {
        if delivery.next_attempt_at.is_none() {
            return Ok(());
        }
        self.deps.tasks().send_slow(&delivery.task()).await
    }
}

/// The dead letter of a delivery that was given up; the delivery stores its id.
pub(super) fn dead_letter(delivery: &mut Delivery, now: Time) -> Option<DeadLetter> {
    let reason = delivery
        .reason
        .filter(|_| delivery.status == Status::Failed && !delivery.is_test)?;
    let (last_status, last_error, detail) = match delivery
        .last_attempt
        .as_ref()
        .map(|attempt| &attempt.outcome)
    {
        Some(Outcome::Response { status, .. }) => (
            Some(*status),
            None,
            format!("The receiver answered {status}."),
        ),
        Some(Outcome::Failure { kind, detail }) => {
            (None, Some(kind.code().to_owned()), detail.clone())
        }
        None => (None, None, "No attempt was made.".to_owned()),
    };
    // The sequence counts every end: the same end gives the same id, the next end another one.
    let seed = format!("{}/{}/{}", delivery.tenant, delivery.id, delivery.sequence);
    // Not the last attempt's time: a delivery that a job redrives and that dies again without an
    // attempt must be newer than the job. Test: regressions.rs, a job meets its own dead.
    let id = DeadLetterId(Ulid::derived(now, &seed));
    delivery.dead_letter_id = Some(id);
    Some(DeadLetter {
        id,
        tenant: Some(delivery.tenant.clone()),
        at: now,
        reason,
        detail,
        body: Body::Delivery(DeadDelivery {
            id: delivery.id.clone(),
            event_id: delivery.event_id.clone(),
            event_type: delivery.event_type.clone(),
            attempts: delivery.attempt_count,
            last_status,
            last_error,
        }),
    })
}
