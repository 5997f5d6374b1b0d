//! Redriving one dead letter, and requesting a manual attempt of one delivery.

use std::time::Duration;

use crate::dead_letter::DeadLetter;
use crate::delivery::Delivery;
use crate::ports::{
    Clock, DeliveryStore, DeliveryTask, Fault, NotAsked, StoredDelivery, TaskQueue,
};
use crate::time::Time;

/// Redrives a dead delivery: starts a new round with its first attempt at once. Returns false if
/// the delivery was no longer dead.
///
/// One transaction changes the state, on condition that the delivery is still dead with this
/// letter, so exactly one of many callers succeeds. If the caller dies before the message is sent,
/// the sweeper finds the delivery due.
///
/// # Errors
/// A fault of the log or of the queue; repeating is safe.
pub async fn redrive_delivery<L: DeliveryStore, C: TaskQueue>(
    store: &L,
    tasks: &C,
    now: Time,
    dead: &DeadLetter,
) -> Result<bool, Fault> {
    let Some(delivery) = store.redrive_delivery(dead, None, now).await? else {
        return Ok(false);
    };
    tasks.schedule(&delivery.task(), Duration::ZERO).await?;
    Ok(true)
}

/// Requests one manual attempt of a delivery that was just read. While an attempt is pending,
/// further requests add none. Returns the delivery with its pending attempt.
///
/// # Errors
/// A fault of the log or of the queue; repeating is safe.
pub async fn request_manual_attempt<L: DeliveryStore, C: TaskQueue, M: Clock>(
    store: &L,
    tasks: &C,
    clock: &M,
    recorded: StoredDelivery,
) -> Result<Result<Delivery, NotAsked>, Fault> {
    let StoredDelivery {
        mut delivery,
        is_inline,
    } = recorded;
    if is_inline {
        // Promote the inline delivery to a separate item. False means that another caller already
        // did, which serves as well.
        store
            .create_delivery(&delivery, None, &clock.new_owner())
            .await?;
    }
    let token = clock.new_owner();
    let waiting = match store
        .request_manual_retry(&delivery.tenant, &delivery.id, &token, clock.now())
        .await?
    {
        Ok(waiting) => waiting,
        Err(not_asked) => return Ok(Err(not_asked)),
    };
    let is_ours = waiting == token;
    delivery.pending_manual_token = Some(waiting);
    if is_ours {
        let task = DeliveryTask::manual(delivery.tenant.clone(), delivery.id.clone(), token);
        tasks.schedule(&task, Duration::ZERO).await?;
    }
    Ok(Ok(delivery))
}
