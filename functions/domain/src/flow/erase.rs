//! Erasing the content of an event. The entries stay: that the event was accepted, where it was
//! sent, and which status came back.

use std::time::Duration;

use crate::ids::TenantId;
use crate::ports::{DueIndex, Fault, TaskQueue};
use crate::time::Time;
use crate::ulid::Ulid;

/// Erases an event. Deliveries that wait for an attempt are enqueued at once and end without one.
/// `max_run_time` is the longest time that a function which read the event before may still run.
/// Returns false if the event does not exist.
///
/// # Errors
/// A fault of the log or of the queue; repeating is safe.
pub async fn erase<L: DueIndex, C: TaskQueue>(
    store: &L,
    tasks: &C,
    (tenant, event): (&TenantId, Ulid),
    now: Time,
    max_run_time: Duration,
) -> Result<bool, Fault> {
    let again = now.plus(max_run_time);
    let Some(waiting) = store.erase(tenant, event, now, Some(again)).await? else {
        return Ok(false);
    };
    for task in &waiting {
        tasks.schedule(task, Duration::ZERO).await?;
    }
    Ok(true)
}
