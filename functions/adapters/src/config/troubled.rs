//! The webhooks of all tenants that are disabled by Postel, failing or slow.
//!
//! A sparse index lists them: a webhook's row has the index's attribute while it has one of the
//! three marks, set and removed by the write that changes the mark. A webhook without a mark costs
//! nothing for it.

use std::collections::HashMap;

use domain::ports::{Fault, Stage};
use domain::tenant::Webhook;

use super::ConfigTable;
use crate::delivery_store::Page;
use crate::dynamo::{Item, MAX_BATCH, Query, from_item, rows_of, s, text};

/// The attribute that puts a webhook's row into the index,
pub(super) const TROUBLED: &str = "troubled";
/// and its value.
pub(super) const TROUBLED_WEBHOOKS: &str = "webhooks";
/// The index, by tenant. No attribute that any other row has is a key of it: DynamoDB would refuse
/// a row whose attribute had another type.
const INDEX: &str = "troubled";
/// The most pages of the index that one answer reads. A page is short where many rows are not
/// wanted.
const MAX_PAGES: usize = 5;

impl ConfigTable {
    /// A page of the troubled webhooks that are wanted, by tenant, each with the cursor that
    /// continues after it. `cursor` is one of these, or a [`Page::next`]. Two requests for each
    /// hundred of them, and a read unit for each 8 KB of their rows.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn troubled_webhooks(
        &self,
        wanted: impl Fn(&Webhook) -> bool,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<(String, Webhook)>, Fault> {
        let mut from = cursor.and_then(key_at);
        let mut found: Vec<(String, Webhook)> = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = Query::new(&self.table, "troubled = :webhooks")
                .index(INDEX)
                .value(":webhooks", s(TROUBLED_WEBHOOKS))
                .limit(i32::try_from(MAX_BATCH).unwrap_or(i32::MAX))
                .from(from)
                .page(&self.dynamo, Stage::ReadConfig)
                .await?;
            from = page.next;
            let keys = page.rows.keys();
            let (rows, _) =
                rows_of(&self.dynamo, &self.table, &keys, false, Stage::ReadConfig).await?;
            let mut read = rows.readable(|item| {
                let place = place_of(&item);
                Ok((place, from_item::<Webhook>(item, Stage::ReadConfig)?))
            });
            read.retain(|(_, webhook)| wanted(webhook));
            // In the index's own order, which the cursor follows.
            let order = keys.iter().enumerate();
            let order: HashMap<String, usize> = order
                .map(|(number, (pk, sk))| (format!("{pk} {sk}"), number))
                .collect();
            read.sort_by_key(|(place, _)| order.get(place).copied());
            found.extend(read);
            if found.len() > limit || from.is_none() {
                break;
            }
        }
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|(place, _)| place.clone())
        } else {
            from.as_ref().map(place_of)
        };
        Ok(Page { items: found, next })
    }
}

/// A row's place in the index: its key.
fn place_of(item: &Item) -> String {
    let part = |name| text(item, name).unwrap_or_default();
    format!("{} {}", part("pk"), part("sk"))
}

/// The index's key at a place.
fn key_at(place: &str) -> Option<Item> {
    let (pk, sk) = place.split_once(' ')?;
    Some(Item::from([
        (TROUBLED.to_owned(), s(TROUBLED_WEBHOOKS)),
        ("pk".to_owned(), s(pk)),
        ("sk".to_owned(), s(sk)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_leads_to_the_key_that_it_was_made_of() {
        let key = Item::from([
            (TROUBLED.to_owned(), s(TROUBLED_WEBHOOKS)),
            ("pk".to_owned(), s("tenant#acme")),
            ("sk".to_owned(), s("webhook#wh_1")),
        ]);
        assert_eq!(key_at(&place_of(&key)), Some(key));
        assert_eq!(key_at("x"), None);
    }
}
