//! On whose word a row below a tenant is written.
//!
//! A request is judged when it begins, by what the gateway remembers of its key and by rows that
//! another request may delete meanwhile. So each write below a tenant is a transaction that holds
//! only while the tenant is the one that was read and is not being deleted, and the caller's key is
//! there: after a deletion nothing new appears that its author could not have written before it.
//!
//! Cost: two write units for each row that is written or looked at.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder};
use domain::ids::KeyId;
use domain::ports::{Fault, Stage};
use domain::rejection::Rejection;
use domain::tenant::Tenant;
use domain::ulid::Ulid;

use super::ConfigTable;
use super::places::{key_item, tenant_item};
use crate::dynamo::{Transacted, n, transact};

/// The tenant, and the key that asks for a write below it.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The tenant as it was read.
    pub tenant: Tenant,
    /// The caller's key; none if the operator asks.
    pub key: Option<KeyId>,
}

impl Authority {
    /// Refuses what an earlier tenant of the same id left behind: see
    /// [`domain::tenant::log_begins`]. `key` tells its time.
    ///
    /// # Errors
    /// It is not found.
    pub fn may_see(&self, key: Ulid) -> Result<(), Rejection> {
        if key.time() < self.tenant.log_begins() {
            return Err(Rejection::not_found());
        }
        Ok(())
    }
}

/// What came of a write below a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildWrite {
    /// It is done.
    Done,
    /// The condition of its row did not hold: which row, in the order of the write.
    Refused(usize),
    /// The tenant was deleted meanwhile.
    TenantGone,
    /// The caller's key was deleted meanwhile.
    KeyGone,
}

impl ConfigTable {
    /// Writes rows below a tenant, all or none, while its authority lasts.
    pub(super) async fn write(
        &self,
        authority: &Authority,
        rows: impl IntoIterator<Item = TransactWriteItem>,
    ) -> Result<ChildWrite, Fault> {
        let Authority { tenant, key } = authority;
        let mut actions = vec![self.standing_tenant(tenant)?];
        if let Some(key) = key {
            actions.push(self.existing_key(key)?);
        }
        let before = actions.len();
        actions.extend(rows);
        Ok(match self.transact(actions).await? {
            None => ChildWrite::Done,
            Some(0) => ChildWrite::TenantGone,
            Some(1) if key.is_some() => ChildWrite::KeyGone,
            Some(row) => ChildWrite::Refused(row.saturating_sub(before)),
        })
    }

    /// Does all of it or nothing. Some: the first action whose condition did not hold.
    pub(super) async fn transact(
        &self,
        actions: Vec<TransactWriteItem>,
    ) -> Result<Option<usize>, Fault> {
        let done = transact(&self.dynamo, actions, Stage::WriteConfig).await?;
        Ok(match done {
            Transacted::Written => None,
            Transacted::Refused(action, _) => Some(action),
        })
    }

    fn standing_tenant(&self, tenant: &Tenant) -> Result<TransactWriteItem, Fault> {
        check(
            ConditionCheckBuilder::default()
                .table_name(&self.table)
                .set_key(Some(tenant_item(&tenant.id)))
                .condition_expression(
                    "created_at = :created AND attribute_not_exists(deleting_since)",
                )
                .expression_attribute_values(":created", n(tenant.created_at.millis())),
        )
    }

    fn existing_key(&self, key: &KeyId) -> Result<TransactWriteItem, Fault> {
        check(
            ConditionCheckBuilder::default()
                .table_name(&self.table)
                .set_key(Some(key_item(key)))
                .condition_expression("attribute_exists(pk)"),
        )
    }
}

fn incomplete(error: BuildError) -> Fault {
    Fault::new(Stage::WriteConfig, error)
}

/// A row that is looked at.
pub(super) fn check(row: ConditionCheckBuilder) -> Result<TransactWriteItem, Fault> {
    let row = row.build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().condition_check(row).build())
}

/// A row that is written.
pub(super) fn put(row: PutBuilder) -> Result<TransactWriteItem, Fault> {
    let row = row.build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(row).build())
}

/// A row that is deleted.
pub(super) fn delete(row: DeleteBuilder) -> Result<TransactWriteItem, Fault> {
    let row = row.build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().delete(row).build())
}
