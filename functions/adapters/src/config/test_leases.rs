//! The running test events of a tenant: one small row, read and then written on condition that no
//! other caller wrote it meanwhile.
//!
//! Cost: two reads and two writes for each test event. A lease expires, so a process that dies
//! blocks others no longer than that.

use domain::ids::TenantId;
use domain::ports::{Fault, OrFault as _, Stage};
use domain::rejection::{Code, Rejection};
use domain::test_event::{self, TestLease};
use domain::time::Time;
use serde::{Deserialize, Serialize};

use super::ConfigTable;
use crate::aws_error::OrAwsFault as _;
use crate::dynamo::{Item, RowKey, Update, condition_held, from_item, n, number, s};

const SORT: &str = "under-way";

/// How often the write is tried against others at the same moment. Each time one of them succeeds,
/// and after three successes no further test may begin.
const TRIES: usize = 6;

/// How long the row is kept after the last change, with DynamoDB's time to live.
const KEPT_SECONDS: i64 = 3600;

#[derive(Default, Serialize, Deserialize)]
struct Row {
    #[serde(default)]
    under_way: Vec<TestLease>,
    #[serde(default)]
    changes: u64,
}

impl ConfigTable {
    /// Counts a test event as running, or says why it may not begin now, and for at most how many
    /// seconds.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn begin_test(
        &self,
        tenant: &TenantId,
        lease: &TestLease,
        now: Time,
    ) -> Result<Result<(), (Rejection, i64)>, Fault> {
        for _ in 0..TRIES {
            let mut row = self.tests_under_way(tenant).await?;
            let is_new = match test_event::begin(&mut row.under_way, lease, now) {
                Ok(is_new) => is_new,
                Err(refused) => return Ok(Err(refused)),
            };
            if !is_new || self.write_tests_under_way(tenant, row, now).await? {
                return Ok(Ok(()));
            }
        }
        let detail = "Too many test events of this tenant began at the same moment, and this one did not begin: repeat the request.";
        Ok(Err((Rejection::new(Code::TestUnderWay, detail), 1)))
    }

    /// Records that a test event has ended. If that cannot be written, its lease expires.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn end_test(
        &self,
        tenant: &TenantId,
        lease: &TestLease,
        now: Time,
    ) -> Result<(), Fault> {
        for _ in 0..TRIES {
            let mut row = self.tests_under_way(tenant).await?;
            if !test_event::end(&mut row.under_way, lease)
                || self.write_tests_under_way(tenant, row, now).await?
            {
                break;
            }
        }
        Ok(())
    }

    async fn tests_under_way(&self, tenant: &TenantId) -> Result<Row, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant)))
            .key("sk", s(SORT))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        let Some(item) = answer.item else {
            return Ok(Row::default());
        };
        let place = RowKey::of(&item);
        let changes = number(&item, "changes").and_then(|n| u64::try_from(n).ok());
        Ok(from_item(item, Stage::ReadConfig).unwrap_or_else(|_| {
            // The row counts events that last seconds: an unreadable one is overwritten.
            place.tell();
            Row {
                under_way: Vec::new(),
                changes: changes.unwrap_or_default(),
            }
        }))
    }

    /// False if another caller wrote it since it was read.
    async fn write_tests_under_way(
        &self,
        tenant: &TenantId,
        row: Row,
        now: Time,
    ) -> Result<bool, Fault> {
        let seen = row.changes;
        let next = Row {
            changes: seen.saturating_add(1),
            ..row
        };
        let item: Item = serde_dynamo::to_item(next).or_bug(Stage::WriteConfig)?;
        let mut update = Update::existing_or_new(&self.table, partition(tenant), SORT)
            .change("SET under_way = :under_way, changes = :changes, expires_at = :gone")
            .only_if("attribute_not_exists(changes) OR changes = :seen OR NOT attribute_type(changes, :number)")
            .value(":number", s("N"))
            .value(":seen", n(seen))
            .value(":gone", n(now.seconds().saturating_add(KEPT_SECONDS)));
        for (name, value) in item {
            update = update.value(&format!(":{name}"), value);
        }
        condition_held(update.send(&self.dynamo, Stage::WriteConfig).await)
    }
}

fn partition(tenant: &TenantId) -> String {
    format!("tests#{tenant}")
}
