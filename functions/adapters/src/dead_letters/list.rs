//! Dead letters as lists: a tenant's, and the operator's over all tenants.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::dead_letter::Body;
use domain::ids::{DeadLetterId, TenantId};
use domain::ports::{DeadLetterFilter, Fault, Stage};
use domain::ulid::Ulid;

use super::row::Row;
use super::{AGE_SHARDS, DeadLetterTable, Kept};
use crate::dynamo::{Item, from_item, s, text};
use crate::log::Page;

const MOST_ROUNDS: usize = 12;
/// Also the most that one `BatchGetItem` takes.
const PAGE: i32 = 100;

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
    ) -> Result<Page<Kept>, Fault> {
        self.walk(tenant, filter, cursor, limit, |kept| {
            kept.redriven_at.is_none()
        })
        .await
    }

    /// The same, with a say in which of them are shown.
    pub(super) async fn walk(
        &self,
        tenant: &TenantId,
        filter: &DeadLetterFilter,
        cursor: Option<&str>,
        limit: usize,
        shown: impl Fn(&Kept) -> bool,
    ) -> Result<Page<Kept>, Fault> {
        let (floor, mut from) = bounds(filter, cursor);
        if from < floor {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        let mut found = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let answer = self
                .dynamo
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :floor AND :from")
                .expression_attribute_values(":pk", s(tenant.as_str()))
                .expression_attribute_values(":floor", s(&floor))
                .expression_attribute_values(":from", s(&from))
                .scan_index_forward(false)
                .limit(PAGE)
                .send()
                .await
                .map_err(|e| Fault::new(Stage::ReadLog, e))?;
            for item in answer.items.unwrap_or_default() {
                let kept = from_item::<Row>(item, Stage::ReadLog)?.read()?;
                let id = kept.dead.id.0.to_string();
                if cursor != Some(&id) && wants(filter, &kept) && shown(&kept) {
                    found.push(kept);
                }
            }
            match answer
                .last_evaluated_key
                .as_ref()
                .and_then(|key| text(key, "sk"))
            {
                _ if found.len() > limit => break,
                None => {
                    return Ok(Page {
                        items: found,
                        next: None,
                    });
                }
                Some(sk) if below(sk) < floor => {
                    return Ok(Page {
                        items: found,
                        next: None,
                    });
                }
                // The next round starts one below: the least change of the last character.
                Some(sk) => from = below(sk),
            }
        }
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|kept| kept.dead.id.0.to_string())
        } else {
            Some(from)
        };
        Ok(Page { items: found, next })
    }

    /// One dead letter by its id alone, whoever's it is. One that was put back is found only if it was nobody's.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn find(&self, id: DeadLetterId) -> Result<Option<Kept>, Fault> {
        if let Some(kept) = self.get(None, id).await? {
            return Ok(Some(kept));
        }
        let answer = self
            .dynamo
            .query()
            .table_name(&self.table)
            .index_name("age")
            .key_condition_expression("age_shard = :shard AND sk = :id")
            .expression_attribute_values(":shard", s((id.0.low_bits() % AGE_SHARDS).to_string()))
            .expression_attribute_values(":id", s(id.0.to_string()))
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadLog, e))?;
        let owner = answer
            .items
            .unwrap_or_default()
            .first()
            .and_then(|key| text(key, "pk")?.parse::<TenantId>().ok());
        match owner {
            Some(tenant) => self.get(Some(&tenant), id).await,
            None => Ok(None),
        }
    }

    /// All tenants' dead letters and those that are nobody's, newest first.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn list_all(
        &self,
        filter: &DeadLetterFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Kept>, Fault> {
        let (floor, from) = bounds(filter, cursor);
        if from < floor {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        let mut keys: Vec<Item> = Vec::new();
        for shard in 0..AGE_SHARDS {
            let answer = self
                .dynamo
                .query()
                .table_name(&self.table)
                .index_name("age")
                .key_condition_expression("age_shard = :shard AND sk BETWEEN :floor AND :from")
                .expression_attribute_values(":shard", s(shard.to_string()))
                .expression_attribute_values(":floor", s(&floor))
                .expression_attribute_values(":from", s(&from))
                .scan_index_forward(false)
                .limit(PAGE)
                .send()
                .await
                .map_err(|e| Fault::new(Stage::ReadLog, e))?;
            keys.extend(answer.items.unwrap_or_default());
        }
        keys.retain(|key| text(key, "sk") != cursor);
        keys.sort_by(|a, b| text(b, "sk").cmp(&text(a, "sk")));
        // The newest hundred of what was read are complete: each shard gave its newest hundred.
        let more = keys.len() > usize::try_from(PAGE).unwrap_or(100);
        keys.truncate(usize::try_from(PAGE).unwrap_or(100));
        let last_read = keys
            .last()
            .and_then(|key| text(key, "sk"))
            .map(str::to_owned);
        let mut found: Vec<Kept> = self
            .fetch(&keys)
            .await?
            .into_iter()
            .filter(|kept| wants(filter, kept) && kept.redriven_at.is_none())
            .collect();
        found.sort_by_key(|kept| std::cmp::Reverse(kept.dead.id));
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|kept| kept.dead.id.0.to_string())
        } else {
            last_read.filter(|_| more)
        };
        Ok(Page { items: found, next })
    }

    async fn fetch(&self, keys: &[Item]) -> Result<Vec<Kept>, Fault> {
        let fault = |e: String| Fault::new(Stage::ReadLog, e);
        let only = |key: &Item| {
            Item::from(
                ["pk", "sk"].map(|name| (name.to_owned(), s(text(key, name).unwrap_or_default()))),
            )
        };
        let mut wanted: Vec<Item> = keys.iter().map(only).collect();
        let mut kept = Vec::new();
        while !wanted.is_empty() {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .build()
                .map_err(|e| fault(e.to_string()))?;
            let answer = self
                .dynamo
                .batch_get_item()
                .request_items(&self.table, request)
                .send()
                .await
                .map_err(|e| Fault::new(Stage::ReadLog, e))?;
            for item in answer
                .responses
                .unwrap_or_default()
                .remove(&self.table)
                .unwrap_or_default()
            {
                kept.push(from_item::<Row>(item, Stage::ReadLog)?.read()?);
            }
            wanted = answer
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.table)
                .map(|rest| rest.keys)
                .unwrap_or_default();
        }
        Ok(kept)
    }
}

fn wants(filter: &DeadLetterFilter, kept: &Kept) -> bool {
    let (webhook, event_type) = match &kept.dead.body {
        Body::Delivery(died) => (Some(&died.id.webhook), Some(&died.event_type)),
        Body::Message { .. } => (None, None),
    };
    filter
        .webhook
        .as_ref()
        .is_none_or(|wanted| Some(wanted) == webhook)
        && filter
            .event_type
            .as_ref()
            .is_none_or(|wanted| Some(wanted) == event_type)
        && filter
            .reason
            .is_none_or(|wanted| wanted == kept.dead.reason)
}

/// The keys between which a filter's times lie.
pub(super) fn bounds(filter: &DeadLetterFilter, cursor: Option<&str>) -> (String, String) {
    let floor = filter
        .since
        .map_or_else(|| "0".to_owned(), |since| Ulid::floor(since).to_string());
    let ceiling = filter.until.map_or_else(
        || "~".to_owned(),
        |until| below(&Ulid::floor(until).to_string()),
    );
    (floor, cursor.map_or(ceiling, str::to_owned))
}

/// A text that sorts below a key and above every other key below it.
fn below(key: &str) -> String {
    let mut text = key.to_owned();
    let last = text.pop().unwrap_or('1');
    text.push(char::from(
        u8::try_from(last).unwrap_or(b'1').saturating_sub(1),
    ));
    text + "~"
}
