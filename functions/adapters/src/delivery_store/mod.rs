//! The log table: events and deliveries.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `tenant#shard` | `<event key>` | the event, and inside it the deliveries that ended at the first attempt |
//! | `tenant#shard` | `<event key>#<webhook>` | a delivery with an item of its own, and its last attempt |
//! | `tenant#attempts#<event key>` | `<webhook>#<number>` | an earlier attempt of it |
//! | `tenant#id#<caller's id>` | `id` | which event a caller's own id stands for, 24 h |
//! | `tenant#redrive#<dead letter>` | `id` | which event a message without such an id became when it was redriven |
//!
//! Event keys sort by time, so a partition read backwards is the log, newest first, without an
//! index. A partition takes 1,000 writes a second (Amazon DynamoDB Developer Guide, "Partitions");
//! the shards multiply that for one tenant. The index `due` holds only deliveries for which
//! something is still to come.

mod data;
mod erase;
mod ids;
mod lease;
mod list;
mod overdue;
mod read;
mod rows;
mod store;
mod write;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::delivery::Delivery;
use domain::flow::SWEEP_SHARDS;
use domain::ids::{DeliveryId, TenantId};
use domain::time::Time;
use domain::ulid::Ulid;

use crate::clients;

pub use list::{DeliveryFilter, Entry, Page};
pub use read::DeliveryDetail;

/// Over how many partitions one tenant's log is spread: 4,000 writes a second. Listing reads all of
/// them.
pub const DUE_INDEX_SHARDS: u8 = 4;

/// The log table.
pub struct DeliveryTable {
    dynamo: Client,
    table: String,
    /// The dead-letter table's name: a delivery and its dead letter are written in one transaction.
    dead_letters: String,
    retention: Duration,
}

impl DeliveryTable {
    /// Over a configuration. Functions that never end a delivery pass an empty name for the
    /// dead-letter table.
    #[must_use]
    pub fn new(aws: &SdkConfig, table: String, dead_letters: String, retention: Duration) -> Self {
        Self {
            dynamo: clients::dynamodb(aws),
            table,
            dead_letters,
            retention,
        }
    }

    /// A delivery outlives its event while an attempt is due: without the event that attempt
    /// becomes a dead letter, but it is not forgotten.
    fn delivery_expires_at(&self, delivery: &Delivery) -> i64 {
        let waited = delivery
            .next_attempt_at
            .map_or(0, |due| due.plus(self.retention).seconds());
        self.expires_at(delivery.id.event).max(waited)
    }

    fn expires_at(&self, event: Ulid) -> i64 {
        event.time().plus(self.retention).seconds()
    }
}

fn partition(tenant: &TenantId, event: Ulid) -> String {
    format!("{tenant}#{}", event.low_bits() % DUE_INDEX_SHARDS)
}

/// Where an event's earlier attempts lie: not beside it, since there may be many, each with 16 KiB
/// of its answer, and who reads an event, or lists the log, wants none of them.
fn attempts_partition(tenant: &TenantId, event: Ulid) -> String {
    format!("{tenant}#attempts#{event}")
}

fn delivery_key(id: &DeliveryId) -> String {
    format!("{}#{}", id.event, id.webhook)
}

fn due_shard(event: Ulid) -> String {
    (event.low_bits() % SWEEP_SHARDS).to_string()
}

/// The retention in days as a duration.
#[must_use]
pub fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3600)
}

/// Whether an item's time to live has passed: DynamoDB deletes up to days later and shows it until
/// then.
fn is_expired(expires_at: i64, now: Time) -> bool {
    expires_at < now.seconds()
}
