//! Changes of rows, as the table's stream reports them.

use domain::operational_event::Change;
use domain::ports::{Fault, Stage};

use super::places::{KEY, SESSIONS, WEBHOOK};
use super::rows::{DELETED_BY, KeyRow};
use super::sessions;
use crate::dynamo::{Item, author_in, from_item};
use crate::stream_event::keys_of;

/// The change of a row, if the row is a webhook, a key that was created or deleted, or a session
/// that was created. The filters of the event source let no other record through
/// (infra/template.yaml); this does not rely on it.
///
/// # Errors
/// A row that cannot be read.
pub(crate) fn change(before: Option<Item>, after: Option<Item>) -> Result<Option<Change>, Fault> {
    let Some(row) = after.as_ref().or(before.as_ref()) else {
        return Ok(None);
    };
    let (pk, sk) = keys_of(row);
    let is_webhook = pk.starts_with("tenant#") && sk.starts_with(WEBHOOK);
    let is_key = pk.starts_with("key#") && sk == KEY;
    let webhook = |item| from_item(item, Stage::ReadConfig).map(Box::new);
    // Opening it is a later write of the same row, and no event.
    let is_session = pk.starts_with(SESSIONS);
    let key = |item| from_item::<KeyRow>(item, Stage::ReadConfig).map(|row| Box::new(row.into()));
    let by = before.as_ref().and_then(|row| author_in(row, DELETED_BY));
    Ok(match (before, after) {
        (before, after) if is_webhook => Some(Change::Webhook {
            // A note that outlived its deletion says nothing about a later change.
            deleted_by: by.filter(|_| after.is_none()),
            before: before.map(webhook).transpose()?,
            after: after.map(webhook).transpose()?,
        }),
        (None, Some(after)) if is_key => Some(Change::KeyCreated(key(after)?)),
        (Some(before), None) if is_key => Some(Change::KeyDeleted {
            key: key(before)?,
            by,
        }),
        (None, Some(after)) if is_session => {
            Some(Change::SessionCreated(Box::new(sessions::read(after)?)))
        }
        _ => None,
    })
}
