//! API keys: found by their public part, listed by tenant. The key itself is never stored.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use domain::api_key::ApiKey;
use domain::flow::NOTED_EVERY;
use domain::ids::{KeyId, TenantId};
use domain::ports::{Fault, Stage};
use domain::time::Time;

use super::ConfigTable;
use super::rows::{KeyRow, key_partition};
use crate::dynamo::{
    Item, LARGEST_BATCH, Query, Refused, Update, from_item, n, rows_of, s, to_item,
};

fn place(key: &ApiKey) -> Item {
    let sk = format!("{:013}#{}", key.created_at.millis(), key.id);
    Item::from([
        ("pk".to_owned(), s(format!("keys#{}", key.tenant))),
        ("sk".to_owned(), s(sk)),
    ])
}

impl ConfigTable {
    /// One key. Consistent, so that a revoked key is gone at once, the authorizer's cache aside.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(key_partition(id)))
            .key("sk", s("key"))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadConfig, e))?;
        answer
            .item
            .map(|item| from_item::<KeyRow>(item, Stage::ReadConfig).map(Into::into))
            .transpose()
    }

    /// Notes a key's use, if no other process has just done so. One write unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn note_use(&self, id: &KeyId, at: Time) -> Result<(), Fault> {
        let minute = i64::try_from(NOTED_EVERY.as_millis()).unwrap_or(i64::MAX);
        let noted = Update::existing(&self.table, key_partition(id), "key")
            .change("SET last_used_at = :at")
            .only_if("attribute_not_exists(last_used_at) OR last_used_at <= :before")
            .value(":at", n(at.millis()))
            .value(":before", n(at.millis().saturating_sub(minute)))
            .send(&self.dynamo, Stage::WriteConfig)
            .await;
        match noted {
            Ok(_) | Err(Refused::Condition(_)) => Ok(()),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }

    /// Writes a new key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_key(&self, key: &ApiKey) -> Result<(), Fault> {
        let put = |item: Item| -> Result<TransactWriteItem, Fault> {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .build();
            Ok(TransactWriteItem::builder()
                .put(put.map_err(|e| Fault::new(Stage::WriteConfig, e))?)
                .build())
        };
        self.dynamo
            .transact_write_items()
            .transact_items(put(to_item(&KeyRow::from(key), Stage::WriteConfig)?)?)
            .transact_items(put(place(key))?)
            .send()
            .await
            .map(|_| ())
            .map_err(|e| Fault::new(Stage::WriteConfig, e))
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_key(&self, key: &ApiKey) -> Result<(), Fault> {
        let delete = |key: Item| -> Result<TransactWriteItem, Fault> {
            let delete = Delete::builder()
                .table_name(&self.table)
                .set_key(Some(key))
                .build();
            Ok(TransactWriteItem::builder()
                .delete(delete.map_err(|e| Fault::new(Stage::WriteConfig, e))?)
                .build())
        };
        let itself = Item::from([
            ("pk".to_owned(), s(key_partition(&key.id))),
            ("sk".to_owned(), s("key")),
        ]);
        self.dynamo
            .transact_write_items()
            .transact_items(delete(itself)?)
            .transact_items(delete(place(key))?)
            .send()
            .await
            .map(|_| ())
            .map_err(|e| Fault::new(Stage::WriteConfig, e))
    }

    /// All of a tenant's keys, newest first. A key that has ended may be missing.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, Fault> {
        let places = Query::new(&self.table, "pk = :pk")
            .value(":pk", s(format!("keys#{tenant}")))
            .consistent()
            .whole(&self.dynamo, Stage::ReadConfig)
            .await?;
        let keys: Vec<(String, String)> = places
            .keys()
            .iter()
            .filter_map(|(_, sk)| sk.split_once('#')?.1.parse::<KeyId>().ok())
            .map(|id| (key_partition(&id), "key".to_owned()))
            .collect();
        let mut found = Vec::new();
        for some in keys.chunks(LARGEST_BATCH) {
            let (rows, _) =
                rows_of(&self.dynamo, &self.table, some, true, Stage::ReadConfig).await?;
            let read = |item| from_item::<KeyRow>(item, Stage::ReadConfig).map(ApiKey::from);
            found.extend(rows.readable(read));
        }
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(found)
    }
}
