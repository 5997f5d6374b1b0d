//! The authority for a write below a tenant.
//!
//! A request is authorised when it begins, from what the gateway caches about its key and from rows
//! that another request may delete meanwhile. So each write below a tenant is a transaction on
//! condition that the tenant is still the one that was read, is not being deleted, and the caller's
//! key or session still exists. After a deletion, nothing new appears that its author could not
//! have written before.
//!
//! Cost: two write units for each row that is written or checked.

use aws_sdk_dynamodb::types::TransactWriteItem;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder};
use domain::ports::{Fault, OrFault as _, Stage};
use domain::principal::Bearer;
use domain::rejection::Rejection;
use domain::tenant::Tenant;
use domain::ulid::Ulid;

use super::ConfigTable;
use super::places::{key_item, session_item, tenant_item};
use crate::dynamo::{Transacted, n, transact};

/// The tenant, and the key or session that authorises a write below it.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The tenant as it was read.
    pub tenant: Tenant,
    /// What the caller holds; `None` for the operator's key.
    pub bearer: Option<Bearer>,
}

impl Authority {
    /// Rejects entries that an earlier tenant of the same id left: see
    /// [`domain::tenant::log_begins`]. `key` contains the entry's time.
    ///
    /// # Errors
    /// `not_found`.
    pub fn may_see(&self, key: Ulid) -> Result<(), Rejection> {
        if key.time() < self.tenant.log_begins() {
            return Err(Rejection::not_found());
        }
        Ok(())
    }
}

/// The result of a write below a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildWrite {
    /// It is done.
    Done,
    /// The condition of a row did not hold: its index in the order of the write.
    Refused(usize),
    /// The tenant was deleted meanwhile.
    TenantGone,
    /// The caller's key was deleted meanwhile.
    KeyGone,
    /// The caller's session was ended meanwhile.
    SessionGone,
}

impl ConfigTable {
    /// Writes rows below a tenant, all or none, if its authority still holds.
    pub(super) async fn write(
        &self,
        authority: &Authority,
        rows: impl IntoIterator<Item = TransactWriteItem>,
    ) -> Result<ChildWrite, Fault> {
        let Authority { tenant, bearer } = authority;
        let mut actions = vec![self.standing_tenant(tenant)?];
        if let Some(bearer) = bearer {
            actions.push(self.existing(bearer)?);
        }
        let before = actions.len();
        actions.extend(rows);
        Ok(match (self.transact(actions).await?, bearer) {
            (None, _) => ChildWrite::Done,
            (Some(0), _) => ChildWrite::TenantGone,
            (Some(1), Some(Bearer::Key(_))) => ChildWrite::KeyGone,
            (Some(1), Some(Bearer::Session(_))) => ChildWrite::SessionGone,
            (Some(row), _) => ChildWrite::Refused(row.saturating_sub(before)),
        })
    }

    /// Executes all actions or none. `Some`: the first action whose condition did not hold.
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

    fn existing(&self, bearer: &Bearer) -> Result<TransactWriteItem, Fault> {
        let row = match bearer {
            Bearer::Key(key) => key_item(key),
            Bearer::Session(name) => session_item(name),
        };
        check(
            ConditionCheckBuilder::default()
                .table_name(&self.table)
                .set_key(Some(row))
                .condition_expression("attribute_exists(pk)"),
        )
    }
}

/// A row that is checked.
pub(super) fn check(row: ConditionCheckBuilder) -> Result<TransactWriteItem, Fault> {
    let row = row.build().or_bug(Stage::WriteConfig)?;
    Ok(TransactWriteItem::builder().condition_check(row).build())
}

/// A row that is written.
pub(super) fn put(row: PutBuilder) -> Result<TransactWriteItem, Fault> {
    let row = row.build().or_bug(Stage::WriteConfig)?;
    Ok(TransactWriteItem::builder().put(row).build())
}

/// A row that is deleted.
pub(super) fn delete(row: DeleteBuilder) -> Result<TransactWriteItem, Fault> {
    let row = row.build().or_bug(Stage::WriteConfig)?;
    Ok(TransactWriteItem::builder().delete(row).build())
}
