//! The log table: events and deliveries.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `tenant#shard` | `<event key>` | the event, with the inline deliveries that ended at the first attempt |
//! | `tenant#shard` | `<event key>#<webhook>` | a delivery as a separate item, and its last attempt |
//! | `tenant#attempts#<event key>` | `<webhook>#<number>` | an earlier attempt of it |
//! | `tenant#attempts#<event key>` | `response#<webhook>#<number>#<start>` | an attempt with a long response |
//! | `tenant#id#<caller's id>` | `id` | the event of a caller's own id, 24 h |
//! | `tenant#redrive#<dead letter>` | `id` | the event of a redriven message that had no such id |
//!
//! Event keys sort by time, so a partition read backwards is the log, newest first, without an
//! index. A partition takes 1,000 writes a second (Amazon DynamoDB Developer Guide, "Partitions");
//! the shards multiply that for one tenant. The index `due` contains only deliveries with work
//! still to come.

mod attempts;
mod data;
mod due_shards;
mod erase;
mod ids;
mod lease;
mod list;
mod log;
mod overdue;
mod read;
mod responses;
mod rows;
mod store;
mod write;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::delivery::Delivery;
use domain::ids::{DeliveryId, TenantId};
use domain::time::Time;
use domain::ulid::Ulid;

use crate::clients;
use crate::clock::now;

pub(crate) use data::Packed;
pub use due_shards::DueShards;
pub use list::{AwaitedDeliveries, DeliveryFilter, ListedDelivery, Page};
pub use log::{BareEvent, LoggedEvent, Span};
pub use read::DeliveryDetail;

/// The number of partitions of one tenant's log: 4,000 writes a second. Listing reads all of them.
pub const SHARDS_PER_TENANT: u8 = 4;

/// The log table.
pub struct DeliveryTable {
    dynamo: Client,
    table: String,
    /// The dead-letter table's name: a delivery and its dead letter are written in one transaction.
    dead_letters: String,
    retention: Duration,
    due_shards: DueShards,
}

impl DeliveryTable {
    /// From an AWS configuration and the tables' names. Functions that never end a delivery pass an
    /// empty name for the dead-letter table.
    #[must_use]
    pub fn new(
        aws: &SdkConfig,
        table: String,
        dead_letters: String,
        retention: Duration,
        due_shards: DueShards,
    ) -> Self {
        Self {
            dynamo: clients::dynamodb(aws),
            table,
            dead_letters,
            retention,
            due_shards,
        }
    }

    /// A delivery outlives its event while an attempt is due: without the event that attempt
    /// becomes a dead letter, but it is not lost.
    fn delivery_expires_at(&self, delivery: &Delivery) -> i64 {
        let waited = delivery
            .next_attempt_at
            .map_or(0, |due| due.plus(self.retention).seconds());
        self.expires_at(delivery.id.event).max(waited)
    }

    fn expires_at(&self, event: Ulid) -> i64 {
        expiry(event.time(), self.retention, now())
    }
}

/// When a row of an event expires that is written now. SQS keeps a message for longer than the
/// shortest retention, and an event that waited there must not be expired when it is stored.
fn expiry(event: Time, retention: Duration, now: Time) -> i64 {
    let kept = retention.min(MIN_KEPT);
    event.plus(retention).max(now.plus(kept)).seconds()
}

/// A row is kept for at least this long after it was written: the template's shortest retention,
/// since a retry must find its event.
const MIN_KEPT: Duration = Duration::from_secs(5 * 24 * 3600);

fn partition(tenant: &TenantId, event: Ulid) -> String {
    format!("{tenant}#{}", event.low_bits() % SHARDS_PER_TENANT)
}

/// The partition of an event's earlier attempts. It is not the event's, since there may be many
/// attempts, each with 16 KiB of its response, and reading an event or listing the log needs none
/// of them.
fn attempts_partition(tenant: &TenantId, event: Ulid) -> String {
    format!("{tenant}#attempts#{event}")
}

fn delivery_key(id: &DeliveryId) -> String {
    format!("{}#{}", id.event, id.webhook)
}

/// The retention in days as a duration.
#[must_use]
pub fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3600)
}

/// Whether an item's time to live has passed: DynamoDB deletes it up to days later and returns it
/// until then.
fn is_expired(expires_at: i64, now: Time) -> bool {
    expires_at < now.seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_kept_for_the_retention_and_if_its_event_came_late_for_five_days() {
        let now = Time::from_millis(1_800_000_000_000);
        let days_ago = |number: u32| {
            Time::from_millis(now.millis() - i64::try_from(days(number).as_millis()).unwrap())
        };
        for (retention, age, kept) in [
            (30, 0, 30),
            (30, 25, 5),
            (30, 14, 16),
            (5, 0, 5),
            (5, 14, 5),
            // Shorter than the template allows.
            (1, 14, 1),
        ] {
            let expires = expiry(days_ago(age), days(retention), now);
            assert_eq!(expires, now.plus(days(kept)).seconds(), "{retention} {age}");
        }
    }
}
