//! Lists the requests of an inbox, newest first.

use domain::inbox::{InboxRequest, MAX_REQUESTS};
use domain::ports::{Fault, Stage};
use domain::tenant::Webhook;

use super::{InboxTable, partition, rows, slot, slot_key};
use crate::clock::now;
use crate::delivery_store::Page;
use crate::dynamo::{Query, n, s, text};

impl InboxTable {
    /// A page of the requests of a webhook's inbox, newest first. `before` is the number of the
    /// last request of the page before.
    ///
    /// The slots are a ring: from the newest request down to the first slot, then from the last one
    /// down. A page ends where the ring goes round.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn requests(
        &self,
        webhook: &Webhook,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<InboxRequest>, Fault> {
        let newest = match before {
            Some(before) => before.saturating_sub(1),
            None => self.received(webhook).await?,
        };
        let mut items = Vec::new();
        let mut part = Part::from(newest);
        while let Some(current) = part {
            let left = limit.saturating_sub(items.len());
            let found = self.part(webhook, &current, left).await?;
            items.extend(found.items);
            part = match found.rest {
                // A page of large requests ends early.
                Some(next) => {
                    let next = Some((next.saturating_add(1)).to_string());
                    return Ok(Page { items, next });
                }
                None => current.after(newest),
            };
            if items.len() >= limit {
                let next = part.map(|part| part.first.saturating_add(1).to_string());
                return Ok(Page { items, next });
            }
        }
        Ok(Page { items, next: None })
    }

    async fn part(&self, webhook: &Webhook, part: &Part, limit: usize) -> Result<Found, Fault> {
        let found = Query::new(&self.table, "pk = :pk AND sk BETWEEN :last AND :first")
            .value(":pk", s(partition(&webhook.tenant)))
            .value(":first", s(slot_key(webhook, slot(part.first))))
            .value(":last", s(slot_key(webhook, slot(part.last))))
            // A slot may have a newer request by now, or an older one if a number is missing.
            .filter("seq BETWEEN :oldest AND :newest AND expires_at >= :now".to_owned())
            .value(":oldest", n(part.last))
            .value(":newest", n(part.first))
            .value(":now", n(now().seconds()))
            .newest_first()
            .consistent()
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .page(&self.dynamo, Stage::ReadStore)
            .await?;
        let stopped_at = found.next.as_ref().and_then(|key| {
            let (_, slot) = text(key, "sk")?.rsplit_once('#')?;
            let slot: u64 = slot.parse().ok()?;
            // Within a part, numbers differ as their slots do.
            let number = part
                .first
                .saturating_sub(super::slot(part.first).checked_sub(slot)?);
            number.checked_sub(1)
        });
        let rest = stopped_at.filter(|next| *next >= part.last);
        let read = |item| rows::read(item, &webhook.id);
        let items = found.rows.readable(read);
        Ok(Found { items, rest })
    }
}

/// The result of reading a part.
struct Found {
    items: Vec<InboxRequest>,
    /// The number at which the rest of the part begins.
    rest: Option<u64>,
}

/// Numbers in a row whose slots are in a row, too.
#[derive(Debug, PartialEq)]
struct Part {
    first: u64,
    last: u64,
}

impl Part {
    /// From a number down to the first slot.
    fn from(newest: u64) -> Option<Self> {
        (newest > 0).then(|| Self {
            first: newest,
            last: newest.saturating_sub(slot(newest)),
        })
    }

    /// The part below this one, as far as the newest requests go.
    fn after(&self, newest: u64) -> Option<Self> {
        let first = self.last.checked_sub(1).filter(|first| *first > 0)?;
        let oldest = newest.saturating_sub(MAX_REQUESTS - 1).max(1);
        (first >= oldest).then(|| Self {
            first,
            last: oldest.max(first.saturating_sub(slot(first))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(newest: u64) -> Vec<(u64, u64)> {
        let all = std::iter::successors(Part::from(newest), |part| part.after(newest));
        all.map(|part| (part.first, part.last)).collect()
    }

    #[test]
    fn the_newest_hundred_are_in_one_or_two_parts_of_the_ring() {
        assert_eq!(parts(0), []);
        assert_eq!(parts(1), [(1, 0)]);
        assert_eq!(parts(99), [(99, 0)]);
        assert_eq!(parts(100), [(100, 100), (99, 1)]);
        assert_eq!(parts(101), [(101, 100), (99, 2)]);
        assert_eq!(parts(199), [(199, 100)]);
        assert_eq!(parts(250), [(250, 200), (199, 151)]);
    }

    #[test]
    fn slots_go_down_with_the_numbers_of_a_part() {
        for newest in 1..350 {
            for (first, last) in parts(newest) {
                assert_eq!(slot(first) - slot(last), first - last, "{newest}");
                assert!(newest - last < 100 || last == 0, "{newest}");
            }
        }
    }
}
