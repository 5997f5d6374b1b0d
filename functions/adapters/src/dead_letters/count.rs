//! Counts the dead letters that a job would redrive.

use std::time::{Duration, Instant};

use domain::dead_letter::Reason;
use domain::event_type::EventFilter;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::{DeadLetterFilter, Fault, Stage};
use domain::time::Time;
use domain::ulid::Ulid;

use super::DeadLetterTable;
use super::list::key_range;
use crate::dynamo::{Query, n, s};

/// The maximum read units of one count: 80 MB of dead letters.
const MAX_UNITS: f64 = 10_000.0;

/// The length of the event's part of a delivery's id: `dlv_` and a ULID.
const EVENT_PART: usize = 30;

/// The result of counting dead letters.
pub struct Count {
    /// The number found.
    pub number: u64,
    /// False if time or read units ran out: there may be more.
    pub is_complete: bool,
}

impl DeadLetterTable {
    /// How many dead letters a job's filter matches, counted for at most `within` and
    /// [`MAX_UNITS`]; beyond that, the number is a lower bound. DynamoDB counts them itself: a read
    /// unit for each 8 KB of them and a request for each megabyte.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn count(
        &self,
        tenant: &TenantId,
        filter: &DeadLetterFilter,
        within: Duration,
    ) -> Result<Count, Fault> {
        let began = Instant::now();
        let (floor, ceiling) = key_range(filter, None);
        let mut count = Count {
            number: 0,
            is_complete: true,
        };
        if ceiling < floor {
            return Ok(count);
        }
        let mut wanted =
            "(attribute_exists(delivery) OR reason = :ours) AND attribute_not_exists(redriven_at)"
                .to_owned();
        let condition = "pk = :pk AND sk BETWEEN :floor AND :ceiling";
        let mut query = Query::new(&self.table, condition)
            .counted()
            .value(":pk", s(tenant.as_str()))
            .value(":floor", s(&floor))
            .value(":ceiling", s(&ceiling))
            .value(":ours", s(Reason::Undeliverable.as_str()));
        if let Some(webhook) = &filter.webhook {
            // A delivery's id consists of its event's part, whose length is fixed, and its
            // webhook's part. So it ends with the webhook's if it contains that and has the length
            // of both.
            wanted += " AND contains(delivery, :webhook) AND size(delivery) = :length";
            let any = DeliveryId {
                event: Ulid::floor(Time::from_millis(0)),
                webhook: webhook.clone(),
            };
            let id = any.to_string();
            let (_, end) = id.split_at_checked(EVENT_PART).unwrap_or_default();
            query = query
                .value(":webhook", s(end))
                .value(":length", n(id.len()));
        }
        match &filter.event_type {
            None => {}
            Some(EventFilter::All) => wanted += " AND attribute_exists(ty)",
            Some(EventFilter::Component(component)) => {
                wanted += " AND begins_with(ty, :type)";
                query = query.value(":type", s(format!("{component}.")));
            }
            Some(EventFilter::Exactly(event_type)) => {
                wanted += " AND ty = :type";
                query = query.value(":type", s(event_type.as_str()));
            }
        }
        if !filter.reasons.is_empty() {
            let names: Vec<_> = (0..filter.reasons.len())
                .map(|number| format!(":reason{number}"))
                .collect();
            wanted += &format!(" AND reason IN ({})", names.join(", "));
            for (name, reason) in names.iter().zip(&filter.reasons) {
                query = query.value(name, s(reason.as_str()));
            }
        }
        if let Some(begins) = filter.log_begins {
            // A delivery's id begins with its event's key, and so with its time.
            wanted += " AND (attribute_not_exists(delivery) OR delivery >= :begins)";
            query = query.value(":begins", s(format!("dlv_{}", Ulid::floor(begins))));
        }
        query = query.filter(wanted);
        let mut units = 0.0;
        loop {
            let found = query.clone().page(&self.dynamo, Stage::DeadLetter).await?;
            count.number = count.number.saturating_add(found.count);
            units += found.units;
            if found.next.is_none() {
                return Ok(count);
            }
            if began.elapsed() >= within || units >= MAX_UNITS {
                count.is_complete = false;
                return Ok(count);
            }
            query = query.from(found.next);
        }
    }
}
