//! Tenants, as the operator manages them.

use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder};
use domain::author::Author;
use domain::ids::TenantId;
use domain::ports::{Clock as _, Fault, Stage};
use domain::precondition::Precondition;
use domain::rejection::Rejection;
use domain::tenant::{MIN_DELETION, Tenant};
use domain::time::Time;
use futures::future::try_join_all;

use super::authority::{check, delete, put};
use super::keys::key_list;
use super::places::{TENANT, place, tenant_item};
use super::preconditions::{Condition, condition};
use super::rows::{DELETED_BY, TenantRow};
use super::webhooks::count_key;
use super::{ConfigTable, Written, tenant_partition};
use crate::aws_error::OrAwsFault as _;
use crate::clock::{SystemClock, now};
use crate::delivery_store::Page;
use crate::dynamo::{Item, MAX_BATCH, Query, Update, WriteFailure};
use crate::dynamo::{author_in, condition_held, from_item, n, number, of_author, rows_of, s, text};

const LIST: &str = "tenants";

/// How many rows one transaction deletes below a tenant: DynamoDB allows a hundred rows with 4 MB
/// together.
const DELETED_AT_ONCE: usize = 25;

fn place_of(id: &TenantId, created: Time) -> Item {
    place(LIST, list_key(id, created))
}

fn list_key(id: &TenantId, created: Time) -> String {
    format!("{:013}#{id}", created.millis())
}

/// A tenant's key in the list of tenants: the cursor with which [`ConfigTable::tenants`] continues
/// after it.
#[must_use]
pub fn place_in_list(tenant: &Tenant) -> String {
    list_key(&tenant.id, tenant.created_at)
}

impl ConfigTable {
    /// One tenant, unless it is being deleted. Half a read unit for each 4 KB, twice that if
    /// consistent.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, Fault> {
        let row = self.tenant_row(id).await?;
        let row = row.map(|item| from_item::<TenantRow>(item, Stage::ReadConfig));
        Ok(row.transpose()?.and_then(TenantRow::standing))
    }

    async fn tenant_row(&self, id: &TenantId) -> Result<Option<Item>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(tenant_item(id)))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        Ok(answer.item)
    }

    /// Writes a tenant; `before` is the tenant that it replaces. If a deletion of the same id is
    /// unfinished, it is finished instead, so that the new tenant has nothing of the old one. The
    /// answer is then [`Written::Overtaken`], and the caller must build the tenant again, with a
    /// later time.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_tenant(
        &self,
        tenant: &Tenant,
        before: Option<&Tenant>,
    ) -> Result<Written, Fault> {
        let is_written = self.write_tenant(tenant, before).await?;
        if !is_written && before.is_none() {
            self.end_deletion(&tenant.id).await?;
        }
        Ok(match before {
            _ if !is_written => Written::Overtaken,
            None => Written::Created,
            Some(_) => Written::Replaced,
        })
    }

    async fn write_tenant(&self, tenant: &Tenant, before: Option<&Tenant>) -> Result<bool, Fault> {
        let pk = tenant_partition(&tenant.id);
        let update = match before {
            None => {
                Update::existing_or_new(&self.table, pk, TENANT).only_if("attribute_not_exists(pk)")
            }
            Some(old) => Update::existing(&self.table, pk, TENANT)
                .only_if("updated_at = :seen AND attribute_not_exists(deleting_since)")
                .value(":seen", n(old.updated_at.millis())),
        };
        let update = update.assign(tenant, &[], Stage::WriteConfig)?;
        let listed = PutBuilder::default()
            .table_name(&self.table)
            .set_item(Some(place_of(&tenant.id, tenant.created_at)));
        let actions = vec![update.transacted(Stage::WriteConfig)?, put(listed)?];
        Ok(self.transact(actions).await?.is_none())
    }

    /// Deletes a tenant, its keys, its sessions and its webhooks. Its log stays until its retention
    /// ends. False if there is none. A deletion that has begun needs no precondition to be ended,
    /// and stays the one of who began it.
    ///
    /// First the tenant is marked: from then on it is not found, and no transaction writes below it
    /// (see [`super::Authority`]). Only then are its rows listed, so that none is added unnoticed.
    /// The tenant's row is deleted last, with the counts. An interrupted deletion is finished by
    /// the next one, or by the creation of a tenant with the same id.
    ///
    /// # Errors
    /// If the table does not answer; repeating is safe. Inside: if the precondition does not hold.
    pub async fn delete_tenant(
        &self,
        id: &TenantId,
        now: Time,
        precondition: &Precondition,
        by: &Author,
    ) -> Result<Result<bool, Rejection>, Fault> {
        let mut marking = Update::existing(&self.table, tenant_partition(id), TENANT)
            .change(format!("SET deleting_since = :now, {DELETED_BY} = :by"))
            .value(":by", of_author(by, Stage::WriteConfig)?)
            // A mark that is not a number does not count as a mark.
            .only_if("NOT attribute_type(deleting_since, :number)")
            .value(":now", n(now.millis()))
            .value(":number", s("N"));
        let version = |tag: &str| Some([("updated_at", n(Tenant::version_of(tag)?.millis()))]);
        if let Some(Condition { expression, values }) = condition(precondition, version) {
            marking = marking.only_if(expression);
            for (placeholder, value) in values.unwrap_or_default() {
                marking = marking.value(&placeholder, value);
            }
        }
        match marking.send(&self.dynamo, Stage::WriteConfig).await {
            Ok(()) => self.end_deletion(id).await.map(Ok),
            Err(WriteFailure::ConditionFailed(Some(marked)))
                if number(&marked, "deleting_since").is_some() =>
            {
                self.end_deletion(id).await.map(Ok)
            }
            Err(WriteFailure::ConditionFailed(Some(found))) if !found.is_empty() => {
                Ok(Err(Precondition::failed()))
            }
            Err(WriteFailure::ConditionFailed(_)) => Ok(Ok(false)),
            Err(WriteFailure::Fault(fault)) => Err(fault),
        }
    }

    /// Deletes the remaining rows of a tenant whose deletion has begun. False if there are none.
    /// Each transaction succeeds only while this same deletion is running: it does not touch a
    /// tenant that another process has deleted, or that was created since. It takes at least
    /// [`MIN_DELETION`].
    async fn end_deletion(&self, id: &TenantId) -> Result<bool, Fault> {
        let row = self.tenant_row(id).await?.unwrap_or_default();
        let Some(since) = number(&row, "deleting_since") else {
            return Ok(false);
        };
        // Compared with the stored values: a row that cannot be read is deleted like any other.
        let mut values = Item::from([(":since".to_owned(), n(since))]);
        let condition = match row.get("created_at") {
            Some(created) => {
                values.insert(":created".to_owned(), created.clone());
                "deleting_since = :since AND created_at = :created"
            }
            None => "deleting_since = :since AND attribute_not_exists(created_at)",
        };
        let mut below = self.key_places(id).await?;
        below.extend(self.webhook_places(id).await?);
        if let Some(by) = author_in(&row, DELETED_BY) {
            self.mark_deleting(&below, &by).await?;
        }
        below.extend(self.session_places(Some(id), now()).await?);
        for some in below.chunks(DELETED_AT_ONCE) {
            let tenant = ConditionCheckBuilder::default()
                .table_name(&self.table)
                .set_key(Some(tenant_item(id)))
                .condition_expression(condition)
                .set_expression_attribute_values(Some(values.clone()));
            let mut actions = vec![check(tenant)?];
            for (pk, sk) in some {
                actions.push(delete(self.row_at(place(pk, sk)))?);
            }
            if self.transact(actions).await?.is_some() {
                return Ok(true);
            }
        }
        let earliest = Time::from_millis(since).plus(MIN_DELETION);
        SystemClock.sleep(earliest.since(now())).await;
        let itself = self
            .row_at(tenant_item(id))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        let (pk, sk) = count_key(id);
        let mut actions = vec![
            delete(itself)?,
            delete(self.row_at(place(pk, sk)))?,
            delete(self.row_at(key_list(id)))?,
        ];
        let listed = match number(&row, "created_at") {
            Some(created) => vec![list_key(id, Time::from_millis(created))],
            None => self.list_keys_of(id).await?,
        };
        for key in listed {
            actions.push(delete(self.row_at(place(LIST, key)))?);
        }
        self.transact(actions).await?;
        Ok(true)
    }

    /// Writes into rows who is deleting them. One that is gone meanwhile stays so.
    async fn mark_deleting(&self, places: &[(String, String)], by: &Author) -> Result<(), Fault> {
        for some in places.chunks(DELETED_AT_ONCE) {
            let marks = some.iter().map(async |(pk, sk)| {
                let mark = self.deleting(pk, sk, by)?;
                condition_held(mark.send(&self.dynamo, Stage::WriteConfig).await)
            });
            try_join_all(marks).await?;
        }
        Ok(())
    }

    /// The list entries of a tenant whose row does not contain its creation time: the whole list is
    /// searched.
    async fn list_keys_of(&self, id: &TenantId) -> Result<Vec<String>, Fault> {
        let places = Query::new(&self.table, "pk = :list")
            .value(":list", s(LIST))
            .attributes(&["pk", "sk"])
            .consistent()
            .whole(&self.dynamo, Stage::ReadConfig)
            .await?;
        let is_its = |sk: &String| sk.split_once('#').is_some_and(|(_, of)| of == id.as_str());
        let keys = places.keys().into_iter().map(|(_, sk)| sk);
        Ok(keys.filter(is_its).take(DELETED_AT_ONCE).collect())
    }

    fn row_at(&self, place: Item) -> DeleteBuilder {
        DeleteBuilder::default()
            .table_name(&self.table)
            .set_key(Some(place))
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
        for some in keys.chunks(MAX_BATCH) {
            let (rows, _) =
                rows_of(&self.dynamo, &self.table, some, true, Stage::ReadConfig).await?;
            let read = |item| from_item::<TenantRow>(item, Stage::ReadConfig);
            let standing = rows.readable(read).into_iter();
            items.extend(standing.filter_map(TenantRow::standing));
        }
        items.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(Page {
            items,
            next: next.map(str::to_owned),
        })
    }
}
