//! Changes of rows, as the table's stream reports them.

use domain::operational_event::Change;
use domain::ports::{Fault, Stage};

use super::jobs::{CANCELLED_BY, read};
use super::row::Row;
use crate::dynamo::{Item, author_in, from_item};
use crate::stream_event::keys_of;

/// The change of a row, if the row is a new dead letter or a job. The filters of the event source
/// let no other record through (infra/template.yaml); this does not rely on it.
///
/// # Errors
/// A row that cannot be read.
pub(crate) fn change(before: Option<Item>, after: Option<Item>) -> Result<Option<Change>, Fault> {
    let Some(after) = after else { return Ok(None) };
    let (pk, _) = keys_of(&after);
    let is_job = pk.starts_with("jobs#");
    // No tenant's id has a `#`; the partition of those without a tenant begins with one.
    let is_dead_letter = after.contains_key("reason");
    Ok(match before {
        Some(before) if is_job => Some(Change::RedriveJob {
            cancelled_by: author_in(&after, CANCELLED_BY),
            before: Box::new(read(before)?),
            after: Box::new(read(after)?),
        }),
        None if is_dead_letter => {
            let stored = from_item::<Row>(after, Stage::DeadLetter)?.read()?;
            Some(Change::DeadLetter(Box::new(stored.dead)))
        }
        _ => None,
    })
}
