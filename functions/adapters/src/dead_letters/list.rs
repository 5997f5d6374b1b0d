//! Lists of dead letters: a tenant's, and the operator's over all tenants.

use domain::dead_letter::Body;
use domain::ids::{DeadLetterId, TenantId};
use domain::ports::{DeadLetterFilter, Fault, Stage};
use domain::ulid::Ulid;
use futures::future::try_join_all;

use super::row::Row;
use super::{AGE_SHARDS, DeadLetterTable, StoredDeadLetter};
use crate::delivery_store::Page;
use crate::dynamo::{Item, MAX_BATCH, Query, from_item, rows_of, s, text};

/// The maximum number of rounds of reads for one page.
const MAX_ROUNDS: usize = 12;
/// How many are read in one round, a megabyte at most: so a page of a tenant's dead letters costs
/// at most 1,536 read units.
const PAGE: i32 = 100;
/// How many are read concurrently for the operator's page: 1,250 units if each were as large as a
/// row can be.
const AT_ONCE: usize = 25;
/// The operator's page reads no more once it has used this many read units. With the last reads,
/// that is at most 2,250.
const MAX_UNITS: f64 = 1_000.0;

impl DeadLetterTable {
    /// A tenant's dead letters, newest first. Redriven ones are left out.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &DeadLetterFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<StoredDeadLetter>, Fault> {
        self.scan_page(tenant, filter, cursor, limit, |kept| {
            kept.redriven_at.is_none()
        })
        .await
    }

    /// The same, with a condition on the dead letters that are shown.
    pub(super) async fn scan_page(
        &self,
        tenant: &TenantId,
        filter: &DeadLetterFilter,
        cursor: Option<&str>,
        limit: usize,
        shown: impl Fn(&StoredDeadLetter) -> bool,
    ) -> Result<Page<StoredDeadLetter>, Fault> {
        let (floor, mut from) = key_range(filter, cursor);
        if from < floor {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        let mut found = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let answer = Query::new(&self.table, "pk = :pk AND sk BETWEEN :floor AND :from")
                .value(":pk", s(tenant.as_str()))
                .value(":floor", s(&floor))
                .value(":from", s(&from))
                .newest_first()
                .limit(PAGE)
                .page(&self.dynamo, Stage::DeadLetter)
                .await?;
            for kept in answer.rows.readable(read) {
                let id = kept.dead.id.0.to_string();
                if cursor != Some(&id) && wants(filter, &kept) && shown(&kept) {
                    found.push(kept);
                }
            }
            match answer.next.as_ref().and_then(|key| text(key, "sk")) {
                _ if found.len() > limit => break,
                None => {
                    return Ok(Page {
                        items: found,
                        next: None,
                    });
                }
                Some(sk) if predecessor(sk) < floor => {
                    return Ok(Page {
                        items: found,
                        next: None,
                    });
                }
                // The next round starts one below: the smallest change of the last character.
                Some(sk) => from = predecessor(sk),
            }
        }
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(StoredDeadLetter::place)
        } else {
            Some(from)
        };
        Ok(Page { items: found, next })
    }

    /// One dead letter by its id alone, whatever its tenant. A redriven one is found only if it
    /// belongs to no tenant.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn find(&self, id: DeadLetterId) -> Result<Option<StoredDeadLetter>, Fault> {
        if let Some(kept) = self.get(None, id).await? {
            return Ok(Some(kept));
        }
        match self.owner(id).await? {
            Some(tenant) => self.get(Some(&tenant), id).await,
            None => Ok(None),
        }
    }

    /// Deletes one by its id alone, whatever its tenant, and whether or not it can be read. False
    /// if [`DeadLetterTable::find`] would find none.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_any(&self, id: DeadLetterId) -> Result<bool, Fault> {
        if self.delete(None, id).await? {
            return Ok(true);
        }
        match self.owner(id).await? {
            Some(tenant) => self.delete(Some(&tenant), id).await,
            None => Ok(false),
        }
    }

    /// The tenant of a dead letter that belongs to one and has not been redriven.
    async fn owner(&self, id: DeadLetterId) -> Result<Option<TenantId>, Fault> {
        let answer = Query::new(&self.table, "age_shard = :shard AND sk = :id")
            .index("age")
            .value(":shard", s((id.0.low_bits() % AGE_SHARDS).to_string()))
            .value(":id", s(id.0.to_string()))
            .page(&self.dynamo, Stage::DeadLetter)
            .await?;
        let keys = answer.rows.keys();
        Ok(keys.first().and_then(|(tenant, _)| tenant.parse().ok()))
    }

    /// All tenants' dead letters and those without a tenant, newest first.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn list_all(
        &self,
        filter: &DeadLetterFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<StoredDeadLetter>, Fault> {
        let (floor, from) = key_range(filter, cursor);
        if from < floor {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        let shards = (0..AGE_SHARDS).map(|shard| self.newest_of(shard, &floor, &from));
        let mut keys: Vec<(String, String)> =
            try_join_all(shards).await?.into_iter().flatten().collect();
        keys.retain(|(_, sk)| Some(sk.as_str()) != cursor);
        keys.sort_by(|(_, a), (_, b)| b.cmp(a));
        // The newest hundred of the keys are complete, because each shard returned its newest
        // hundred.
        let more = keys.len() > MAX_BATCH;
        keys.truncate(MAX_BATCH);
        let last_read = keys.last().map(|(_, sk)| sk.clone());
        let (mut found, mut spent, mut stopped_at) = (Vec::<StoredDeadLetter>::new(), 0.0, None);
        for some in keys.chunks(AT_ONCE) {
            let (rows, units) =
                rows_of(&self.dynamo, &self.table, some, false, Stage::DeadLetter).await?;
            spent += units;
            let mut read = rows.readable(read);
            read.retain(|kept| wants(filter, kept) && kept.redriven_at.is_none());
            read.sort_by_key(|kept| std::cmp::Reverse(kept.dead.id));
            found.extend(read);
            stopped_at = some.last().map(|(_, sk)| sk.clone());
            if found.len() > limit || spent >= MAX_UNITS {
                break;
            }
        }
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(StoredDeadLetter::place)
        } else {
            let is_end = !more && stopped_at == last_read;
            stopped_at.filter(|_| !is_end)
        };
        Ok(Page { items: found, next })
    }

    /// The newest keys in one partition of the index.
    async fn newest_of(
        &self,
        shard: u8,
        floor: &str,
        from: &str,
    ) -> Result<Vec<(String, String)>, Fault> {
        let condition = "age_shard = :shard AND sk BETWEEN :floor AND :from";
        let found = Query::new(&self.table, condition)
            .index("age")
            .value(":shard", s(shard.to_string()))
            .value(":floor", s(floor))
            .value(":from", s(from))
            .newest_first()
            .limit(PAGE)
            .page(&self.dynamo, Stage::DeadLetter)
            .await?;
        Ok(found.rows.keys())
    }
}

fn read(item: Item) -> Result<StoredDeadLetter, Fault> {
    from_item::<Row>(item, Stage::DeadLetter)?.read()
}

fn wants(filter: &DeadLetterFilter, kept: &StoredDeadLetter) -> bool {
    let (webhook, event_type) = match &kept.dead.body {
        Body::Delivery(died) => (Some(&died.id.webhook), Some(&died.event_type)),
        Body::Message { .. } => (None, None),
    };
    filter.log_begins.is_none_or(|begins| kept.is_since(begins))
        && filter
            .webhook
            .as_ref()
            .is_none_or(|wanted| Some(wanted) == webhook)
        && filter
            .event_type
            .as_ref()
            .is_none_or(|wanted| event_type.is_some_and(|event_type| wanted.matches(event_type)))
        && (filter.reasons.is_empty() || filter.reasons.contains(&kept.dead.reason))
}

/// The range of keys for a filter's times.
pub(super) fn key_range(filter: &DeadLetterFilter, cursor: Option<&str>) -> (String, String) {
    let floor = filter
        .since
        .max(filter.log_begins)
        .map_or_else(|| "0".to_owned(), |since| Ulid::floor(since).to_string());
    let ceiling = filter.until.map_or_else(
        || "~".to_owned(),
        |until| predecessor(&Ulid::floor(until).to_string()),
    );
    (floor, cursor.map_or(ceiling, str::to_owned))
}

/// A text that sorts below a key and above every other key below it.
pub(super) fn predecessor(key: &str) -> String {
    let mut text = key.to_owned();
    let last = text.pop().unwrap_or('1');
    text.push(char::from(
        u8::try_from(last).unwrap_or(b'1').saturating_sub(1),
    ));
    text + "~"
}
