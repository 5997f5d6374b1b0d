//! The dead-letter table.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `tenant`, or `#nobody` without a tenant | `<dead letter's ULID>` | the dead letter |
//! | `jobs#<tenant>` | `<job's ULID>` | a redrive job |
//! | `job-names#<tenant>` | `<derived from an idempotency key>` | the job that was started with the key |
//! | `#running` | `<tenant>#<number>` | the job in this slot of the tenant, see [`running`] |
//!
//! The index `age` spreads all dead letters over a few partitions, keys only, for the operator's
//! list. A redriven one leaves the index and the lists, and is kept for a day, so that a second
//! redrive is distinguishable from an unknown id.

mod changes;
mod count;
mod job_names;
mod jobs;
mod list;
mod message;
mod row;
mod running;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::dead_letter::{Body, DeadLetter};
use domain::ids::{DeadLetterId, TenantId};
use domain::ports::{Fault, OrFault as _, Stage};
use domain::time::Time;
use domain::ulid::Ulid;

pub use domain::ports::DeadLetterFilter;

pub(crate) use self::changes::change;
pub use self::count::Count;
pub use self::job_names::{JobName, JobNameClaim};
pub use self::jobs::JobStart;
pub use self::message::{DeadMessage, MessageRedrive};
use self::row::{Row, partition};
use crate::aws_error::OrAwsFault as _;
use crate::clients;
use crate::dynamo::{Update, condition_held, from_item, n, of_put, s, to_item};

/// The operator's list is spread over this many partitions.
const AGE_SHARDS: u8 = 8;
/// How long a redriven dead letter is kept.
const REDRIVEN_SECONDS: i64 = 24 * 3600;

/// A dead letter, and whether it has been redriven.
pub struct StoredDeadLetter {
    /// The dead letter.
    pub dead: DeadLetter,
    /// When it was redriven.
    pub redriven_at: Option<Time>,
    /// The job that redrove it.
    pub redriven_by: Option<Ulid>,
    /// When the event's content was erased.
    pub erased_at: Option<Time>,
}

impl StoredDeadLetter {
    /// The cursor with which a list continues after it.
    #[must_use]
    pub fn place(&self) -> String {
        self.dead.id.0.to_string()
    }

    /// Whether it belongs to the tenant whose log begins at `log_begins`, not to an earlier tenant
    /// of the same id: see [`domain::tenant::log_begins`]. A delivery of the earlier tenant may be
    /// given up after the new one was created.
    #[must_use]
    pub fn is_since(&self, log_begins: Time) -> bool {
        let event = match &self.dead.body {
            Body::Delivery(died) => died.id.event.time(),
            Body::Message { .. } => self.dead.id.0.time(),
        };
        event.min(self.dead.id.0.time()) >= log_begins
    }
}

/// The put of a dead letter, for a transaction.
pub(crate) fn put_dead_letter(
    table: &str,
    dead: &DeadLetter,
    retention: Duration,
) -> Result<TransactWriteItem, Fault> {
    let item = to_item(&Row::new(dead, retention), Stage::DeadLetter)?;
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .build()
        .or_bug(Stage::DeadLetter)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Writes a dead letter. An existing one is left unchanged, since it may have been redriven
/// meanwhile.
pub(crate) async fn put_new(
    dynamo: &Client,
    table: &str,
    dead: &DeadLetter,
    retention: Duration,
) -> Result<(), Fault> {
    let item = to_item(&Row::new(dead, retention), Stage::DeadLetter)?;
    let put = dynamo
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk)");
    condition_held(put.send().await.map_err(|e| of_put(e, Stage::DeadLetter))).map(drop)
}

/// Whether a dead letter may be marked more than once.
pub(crate) enum RedriveMark {
    /// A second mark fails. With the job that redrove it, if any.
    First(Option<Ulid>),
    /// A second mark changes nothing.
    Repeat,
}

/// Marks that a dead letter was redriven, for a transaction.
pub(crate) fn mark_redriven(
    table: &str,
    tenant: Option<&TenantId>,
    id: DeadLetterId,
    now: Time,
    mark: RedriveMark,
) -> Result<TransactWriteItem, Fault> {
    marked(table, tenant, id, now, mark).transacted(Stage::DeadLetter)
}

fn marked(
    table: &str,
    tenant: Option<&TenantId>,
    id: DeadLetterId,
    now: Time,
    mark: RedriveMark,
) -> Update {
    let update = Update::existing(table, partition(tenant), id.0.to_string())
        .value(":now", n(now.millis()))
        .value(":gone", n(now.seconds() + REDRIVEN_SECONDS));
    let set = "SET redriven_at = :now, expires_at = :gone";
    let is_free = "attribute_not_exists(redriven_at)";
    match mark {
        RedriveMark::Repeat => update.change(format!("{set} REMOVE age_shard")),
        RedriveMark::First(None) => update
            .change(format!("{set} REMOVE age_shard"))
            .only_if(is_free),
        RedriveMark::First(Some(job)) => update
            .change(format!("{set}, redriven_by = :job REMOVE age_shard"))
            .only_if(is_free)
            .value(":job", s(job.to_string())),
    }
}

/// Marks that a dead letter's event was erased. If it is a message, the body is removed.
pub(crate) fn mark_erased(
    table: &str,
    tenant: Option<&TenantId>,
    id: DeadLetterId,
    at: Time,
) -> Update {
    Update::existing(table, partition(tenant), id.0.to_string())
        .change("SET erased_at = if_not_exists(erased_at, :at) REMOVE message")
        .value(":at", n(at.millis()))
}

/// The dead-letter table.
pub struct DeadLetterTable {
    dynamo: Client,
    table: String,
}

impl DeadLetterTable {
    /// From an AWS configuration and the table's name.
    #[must_use]
    pub fn new(aws: &SdkConfig, table: String) -> Self {
        Self {
            dynamo: clients::dynamodb(aws),
            table,
        }
    }

    /// One dead letter; `None` for `tenant` means one without a tenant.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn get(
        &self,
        tenant: Option<&TenantId>,
        id: DeadLetterId,
    ) -> Result<Option<StoredDeadLetter>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant)))
            .key("sk", s(id.0.to_string()))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::DeadLetter)?;
        answer
            .item
            .map(|item| from_item::<Row>(item, Stage::DeadLetter)?.read())
            .transpose()
    }

    /// Deletes one. False if it does not exist.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete(&self, tenant: Option<&TenantId>, id: DeadLetterId) -> Result<bool, Fault> {
        let answer = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant)))
            .key("sk", s(id.0.to_string()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .or_fault(Stage::DeadLetter)?;
        Ok(answer.attributes.is_some())
    }

    /// Marks a message's dead letter as redriven, with its job if there is one. Fails if another
    /// caller has done so.
    ///
    /// # Errors
    /// If the table does not answer.
    async fn mark_redriven(
        &self,
        dead: &DeadLetter,
        now: Time,
        job: Option<Ulid>,
    ) -> Result<(), Fault> {
        let tenant = dead.tenant.as_ref();
        let mark = job.map_or(RedriveMark::Repeat, |job| RedriveMark::First(Some(job)));
        let marked = marked(&self.table, tenant, dead.id, now, mark)
            .send(&self.dynamo, Stage::DeadLetter)
            .await;
        condition_held(marked).map(drop)
    }
}

impl DeadLetterTable {
    /// Removes a message's body from its dead letter. A write unit for each KB of it.
    async fn forget_message(&self, dead: &DeadLetter, now: Time) -> Result<(), Fault> {
        let forgotten = mark_erased(&self.table, dead.tenant.as_ref(), dead.id, now)
            .send(&self.dynamo, Stage::DeadLetter)
            .await;
        condition_held(forgotten).map(drop)
    }
}
