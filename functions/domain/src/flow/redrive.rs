//! Putting one dead letter back, and trying one delivery by hand.

use std::time::Duration;

use crate::dead_letter::DeadLetter;
use crate::ids::{DeliveryId, TenantId};
use crate::ports::{Carrier, Errand, Fault, Log, Moment, Revival, Task};
use crate::time::Time;

/// Puts a dead delivery back: a new round, its first attempt at once. False if it was not dead any more.
///
/// The state is changed in one transaction on condition that the delivery is still dead of this letter, so of many callers one wins. If we die before
/// the message is sent, the sweeper finds the delivery due.
///
/// # Errors
/// A fault of the log or of the queue; repeating is safe.
pub async fn redrive_delivery<L: Revival, C: Carrier>(
    log: &L,
    carrier: &C,
    now: Time,
    dead: &DeadLetter,
) -> Result<bool, Fault> {
    let Some(delivery) = log.revive(dead, None, now).await? else {
        return Ok(false);
    };
    let errand = Errand {
        tenant_id: delivery.tenant,
        delivery_id: delivery.id,
        task: Task::Ticket(delivery.ticket),
        stays: false,
    };
    carrier.carry(&errand, Duration::ZERO).await?;
    Ok(true)
}

/// Asks for one manual attempt. However often it is asked while one waits, one is made. False if there is no such delivery.
///
/// # Errors
/// A fault of the log or of the queue; repeating is safe.
pub async fn retry_by_hand<L: Log + Revival, C: Carrier, M: Moment>(
    log: &L,
    carrier: &C,
    moment: &M,
    tenant: &TenantId,
    id: &DeliveryId,
) -> Result<bool, Fault> {
    let record = log.read(tenant, id.event).await?;
    let Some(recorded) =
        record.and_then(|r| r.deliveries.into_iter().find(|d| d.delivery.id == *id))
    else {
        return Ok(false);
    };
    if recorded.embedded {
        // It gets a life of its own. False means that another caller gave it one just now, which serves as well.
        log.open(&recorded.delivery, None, &moment.owner()).await?;
    }
    let token = moment.owner();
    let waiting = log.ask_manual(tenant, id, &token, moment.now()).await?;
    if waiting.as_deref() == Some(&token) {
        let errand = Errand {
            tenant_id: tenant.clone(),
            delivery_id: id.clone(),
            task: Task::Manual(token),
            stays: false,
        };
        carrier.carry(&errand, Duration::ZERO).await?;
    }
    Ok(waiting.is_some())
}
