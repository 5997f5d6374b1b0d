//! API keys: found by their public part, listed by tenant. The key itself is never stored.
//!
//! The list is one item, a set with one entry per key: so the number of keys is the size of the
//! set, and the write that adds an entry enforces the limit. The table's time to live removes an
//! expired key; the next key that finds the list full removes the expired entries.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use domain::api_key::ApiKey;
use domain::authenticate::last_used_interval;
use domain::author::Author;
use domain::ids::{KeyId, TenantId};
use domain::ports::{Fault, Stage};
use domain::principal::Bearer;
use domain::time::Time;

use super::authority::{delete, put};
use super::places::{KEY, key_item, key_partition, place};
use super::rows::{CONTENT, KeyRow};
use super::{Authority, ChildWrite, ConfigTable, Created};
use crate::aws_error::OrAwsFault as _;
use crate::dynamo::{Item, MAX_BATCH, Update, condition_held, from_item, n, rows_of, s, to_item};

/// The sort key of the list.
const LIST: &str = "keys";

/// The list is the first row of the write of a new key.
const LIST_IS_FULL: ChildWrite = ChildWrite::Refused(0);

fn list_partition(tenant: &TenantId) -> String {
    format!("keys#{tenant}")
}

/// The primary key of a tenant's list of keys.
pub(super) fn key_list(tenant: &TenantId) -> Item {
    place(list_partition(tenant), LIST)
}

/// A key's entry in the list: sorts by time, and contains the key's expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlace(String);

impl KeyPlace {
    /// The entry of a readable key.
    #[must_use]
    pub fn of(key: &ApiKey) -> Self {
        let end = key.expires_at.map(|end| end.millis().to_string());
        let (made, end) = (key.created_at.millis(), end.unwrap_or_default());
        Self(format!("{made:013}#{}#{end}", key.id))
    }
}

/// The key of an entry, and its expiry.
fn read_place(place: &str) -> Option<(KeyId, Option<Time>)> {
    let mut parts = place.split('#').skip(1);
    let id = parts.next()?.parse().ok()?;
    let end = parts.next().and_then(|end| end.parse().ok());
    Some((id, end.map(Time::from_millis)))
}

impl ConfigTable {
    /// One key. A consistent read, so that a revoked key is gone at once, except in the
    /// authorizer's cache.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, Fault> {
        let created = self.created_key(id).await?;
        Ok(created.map(|created| created.resource))
    }

    /// The same, with the fingerprint of the request that created it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn created_key(&self, id: &KeyId) -> Result<Option<Created<ApiKey>>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_item(id)))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        answer.item.map(Created::read::<KeyRow>).transpose()
    }

    /// Records a key's use, unless another process has just done so. An update of a deleted key
    /// would create part of it again: hence the first condition. One write unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn note_use(&self, key: &ApiKey, at: Time) -> Result<(), Fault> {
        let interval = i64::try_from(last_used_interval(key).as_millis()).unwrap_or(i64::MAX);
        let noted = Update::existing(&self.table, key_partition(&key.id), KEY)
            .change("SET last_used_at = :at")
            .only_if("attribute_not_exists(last_used_at) OR last_used_at <= :before")
            .value(":at", n(at.millis()))
            .value(":before", n(at.millis().saturating_sub(interval)))
            .send(&self.dynamo, Stage::WriteConfig)
            .await;
        condition_held(noted).map(drop)
    }

    /// Writes a new key, if the tenant has fewer than `most` and none with this id; otherwise it is
    /// refused. At most ten write units. `content` is the fingerprint of the request.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn create_key(
        &self,
        authority: &Authority,
        key: &ApiKey,
        content: Option<&str>,
        most: usize,
        now: Time,
    ) -> Result<ChildWrite, Fault> {
        let written = self.add_key(authority, key, content, most).await?;
        if written == LIST_IS_FULL && self.drop_ended(&key.tenant, now).await? {
            return self.add_key(authority, key, content, most).await;
        }
        Ok(written)
    }

    async fn add_key(
        &self,
        authority: &Authority,
        key: &ApiKey,
        content: Option<&str>,
        most: usize,
    ) -> Result<ChildWrite, Fault> {
        let listed = Update::existing_or_new(&self.table, list_partition(&key.tenant), LIST)
            .change("ADD places :places")
            .only_if("attribute_not_exists(places) OR size(places) < :most")
            .value(":places", AttributeValue::Ss(vec![KeyPlace::of(key).0]))
            .value(":most", n(most))
            .transacted(Stage::WriteConfig)?;
        let mut item = to_item(&KeyRow::from(key), Stage::WriteConfig)?;
        item.extend(content.map(|content| (CONTENT.to_owned(), s(content))));
        let stored = PutBuilder::default()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        self.write(authority, [listed, put(stored)?]).await
    }

    fn without(&self, tenant: &TenantId, places: Vec<String>) -> Update {
        Update::existing(&self.table, list_partition(tenant), LIST)
            .change("DELETE places :places")
            .value(":places", AttributeValue::Ss(places))
    }

    /// Removes expired keys from the list. False if there was none.
    async fn drop_ended(&self, tenant: &TenantId, now: Time) -> Result<bool, Fault> {
        let mut places = self.places(tenant).await?;
        places.retain(|place| {
            read_place(place).is_some_and(|(_, end)| end.is_some_and(|end| end <= now))
        });
        if places.is_empty() {
            return Ok(false);
        }
        let dropped = self
            .without(tenant, places)
            .transacted(Stage::WriteConfig)?;
        Ok(self.transact(vec![dropped]).await?.is_none())
    }

    async fn places(&self, tenant: &TenantId) -> Result<Vec<String>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_list(tenant)))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        let places = answer.item.and_then(|mut item| item.remove("places"));
        let places = places.and_then(|places| match places {
            AttributeValue::Ss(places) => Some(places),
            _ => None,
        });
        Ok(places.unwrap_or_default())
    }

    /// A key's entry in its tenant's list, if it has one. It shows the tenant of a key whose row
    /// cannot be read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn key_place(
        &self,
        tenant: &TenantId,
        id: &KeyId,
    ) -> Result<Option<KeyPlace>, Fault> {
        let places = self.places(tenant).await?.into_iter();
        let is_its = |place: &String| read_place(place).is_some_and(|(found, _)| found == *id);
        Ok(places.map(KeyPlace).find(|place| is_its(&place.0)))
    }

    /// Revokes a key, whether or not its row can be read. Refused if it is already gone. Who
    /// revokes it is written first.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_key(
        &self,
        authority: &Authority,
        id: &KeyId,
        place: KeyPlace,
        by: &Author,
    ) -> Result<ChildWrite, Fault> {
        let itself = DeleteBuilder::default()
            .table_name(&self.table)
            .set_key(Some(key_item(id)))
            .condition_expression("attribute_exists(pk)");
        let listed = self.without(&authority.tenant.id, vec![place.0]);
        let listed = listed.transacted(Stage::WriteConfig)?;
        // A transaction may contain an item only once: for a key that deletes itself, the delete's
        // own condition checks it.
        let itself_asks = |bearer: &&Bearer| **bearer == Bearer::Key(id.clone());
        let others = authority.bearer.as_ref().filter(|b| !itself_asks(b));
        let authority = Authority {
            tenant: authority.tenant.clone(),
            bearer: others.cloned(),
        };
        let marked = self.deleting(key_partition(id), KEY, by)?;
        let marked = marked.transacted(Stage::WriteConfig)?;
        match self.write(&authority, [marked]).await? {
            ChildWrite::Done => self.write(&authority, [delete(itself)?, listed]).await,
            refused => Ok(refused),
        }
    }

    /// The entries of all of a tenant's keys, expired ones included.
    pub(super) async fn key_places(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<(String, String)>, Fault> {
        let places = self.places(tenant).await?;
        // An expired key keeps its entry, and a repeated request may create a key with its id
        // again.
        let ids: BTreeSet<_> = places
            .iter()
            .filter_map(|place| read_place(place))
            .collect();
        let mut ids: Vec<_> = ids.into_iter().map(|(id, _)| id).collect();
        ids.dedup();
        Ok(ids
            .iter()
            .map(|id| (key_partition(id), KEY.to_owned()))
            .collect())
    }

    /// All of a tenant's keys, newest first. An expired key may be missing.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, Fault> {
        let places = self.key_places(tenant).await?;
        let mut found = Vec::new();
        for some in places.chunks(MAX_BATCH) {
            let (rows, _) =
                rows_of(&self.dynamo, &self.table, some, true, Stage::ReadConfig).await?;
            let read = |item| from_item::<KeyRow>(item, Stage::ReadConfig).map(ApiKey::from);
            found.extend(rows.readable(read));
        }
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use domain::api_key::Scope;

    use super::*;

    #[test]
    fn a_place_reads_as_written() {
        let mut key = ApiKey {
            id: KeyId::new([7; 16]),
            tenant: "t".parse().unwrap(),
            name: None,
            hash: String::new(),
            scopes: Scope::ALL.to_vec(),
            created_at: Time::from_millis(1_800_000_000_000),
            expires_at: None,
            created_by: None,
            last_used_at: None,
        };
        let place = KeyPlace::of(&key).0;
        assert_eq!(read_place(&place), Some((key.id.clone(), None)));
        key.expires_at = Some(Time::from_millis(1_900_000_000_000));
        assert_eq!(
            read_place(&KeyPlace::of(&key).0),
            Some((key.id.clone(), key.expires_at))
        );
        assert_eq!(read_place("nothing"), None);
    }
}
