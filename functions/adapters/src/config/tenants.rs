//! Tenants, as the operator manages them.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use domain::ids::TenantId;
use domain::ports::{Fault, Stage};
use domain::tenant::Tenant;

use super::rows::{TENANT, TenantRow};
use super::{ConfigTable, Written, tenant_partition};
use crate::dynamo::{Item, LARGEST_BATCH, Query, Update, from_item, n, rows_of, s, text, won};
use crate::log::Page;

const LIST: &str = "tenants";

fn place(tenant: &Tenant) -> Item {
    let sk = format!("{:013}#{}", tenant.created_at.millis(), tenant.id);
    Item::from([("pk".to_owned(), s(LIST)), ("sk".to_owned(), s(sk))])
}

fn webhook_count(tenant: &TenantId) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("count#{tenant}"))),
        ("sk".to_owned(), s("webhooks")),
    ])
}

impl ConfigTable {
    /// One tenant. Half a read unit for each 4 KB, twice that for consistency.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(tenant_partition(id)))
            .key("sk", s(TENANT))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadConfig, e))?;
        answer
            .item
            .map(|item| from_item::<TenantRow>(item, Stage::ReadConfig).map(Into::into))
            .transpose()
    }

    /// Writes a tenant; `before` is what it replaces.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_tenant(
        &self,
        tenant: &Tenant,
        before: Option<&Tenant>,
    ) -> Result<Written, Fault> {
        let pk = tenant_partition(&tenant.id);
        let update = match before {
            None => {
                Update::existing_or_new(&self.table, pk, TENANT).only_if("attribute_not_exists(pk)")
            }
            Some(old) => Update::existing(&self.table, pk, TENANT)
                .only_if("updated_at = :seen")
                .value(":seen", n(old.updated_at.millis())),
        };
        let update = update.assign(&TenantRow::from(tenant), &[], Stage::WriteConfig)?;
        let listed = Put::builder()
            .table_name(&self.table)
            .set_item(Some(place(tenant)))
            .build()
            .map_err(|e| Fault::new(Stage::WriteConfig, e))?;
        let sent = self
            .dynamo
            .transact_write_items()
            .transact_items(update.transacted(Stage::WriteConfig)?)
            .transact_items(TransactWriteItem::builder().put(listed).build())
            .send()
            .await;
        Ok(match won(sent, Stage::WriteConfig)? {
            false => Written::Overtaken,
            true if before.is_some() => Written::Replaced,
            true => Written::Created,
        })
    }

    /// Deletes a tenant, its keys and its webhooks; the tenant itself last, so that an interrupted deletion can be repeated. Its log stays until
    /// its retention ends.
    ///
    /// # Errors
    /// If the table does not answer; repeating is safe.
    pub async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), Fault> {
        for key in self.keys(&tenant.id).await? {
            self.delete_key(&key).await?;
        }
        for webhook in self.webhooks(&tenant.id).await? {
            self.delete_webhook(&tenant.id, &webhook.id).await?;
        }
        let delete = |key: Item| -> Result<TransactWriteItem, Fault> {
            let delete = Delete::builder()
                .table_name(&self.table)
                .set_key(Some(key))
                .build();
            let delete = delete.map_err(|e| Fault::new(Stage::WriteConfig, e))?;
            Ok(TransactWriteItem::builder().delete(delete).build())
        };
        let itself = Item::from([
            ("pk".to_owned(), s(tenant_partition(&tenant.id))),
            ("sk".to_owned(), s(TENANT)),
        ]);
        self.dynamo
            .transact_write_items()
            .transact_items(delete(place(tenant))?)
            .transact_items(delete(webhook_count(&tenant.id))?)
            .transact_items(delete(itself)?)
            .send()
            .await
            .map(|_| ())
            .map_err(|e| Fault::new(Stage::WriteConfig, e))
    }

    /// A page of tenants, newest first.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn tenants(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Tenant>, Fault> {
        let places = Query::new(&self.table, "pk = :list AND sk < :from")
            .value(":list", s(LIST))
            .value(":from", s(cursor.unwrap_or("~")))
            .newest_first()
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .page(&self.dynamo, Stage::ReadConfig)
            .await?;
        let next = places.next.as_ref().and_then(|key| text(key, "sk"));
        let keys: Vec<(String, String)> = places
            .rows
            .keys()
            .iter()
            .filter_map(|(_, sk)| sk.split_once('#')?.1.parse::<TenantId>().ok())
            .map(|id| (tenant_partition(&id), TENANT.to_owned()))
            .collect();
        let mut items = Vec::new();
        for some in keys.chunks(LARGEST_BATCH) {
            let (rows, _) =
                rows_of(&self.dynamo, &self.table, some, true, Stage::ReadConfig).await?;
            let read = |item| from_item::<TenantRow>(item, Stage::ReadConfig).map(Tenant::from);
            items.extend(rows.readable(read));
        }
        items.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(Page {
            items,
            next: next.map(str::to_owned),
        })
    }
}
