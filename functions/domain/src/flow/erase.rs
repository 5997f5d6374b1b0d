//! Erasing what an event says. The entries stay: that it came, where it was sent and what status
//! came back.

use std::time::Duration;

use crate::ids::TenantId;
use crate::ports::{DueIndex, Fault, TaskQueue};
use crate::time::Time;
use crate::ulid::Ulid;

/// Erases an event. Its deliveries that wait for an attempt are sent for at once and end without
/// one. `max_run_time` is the longest that a function may run that read the event before. False if
/// there is no such event.
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
