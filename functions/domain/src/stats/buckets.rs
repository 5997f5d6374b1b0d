//! The counts of deliveries by the time at which their events were accepted.
//!
//! They are made in the same pass over the log as the counts of the whole, and cost no further
//! read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Counts;
use crate::delivery::Delivery;
use crate::rejection::{Code, Rejection};
use crate::time::Time;

/// The most buckets of one answer: a month of hours, or three days of five minutes.
const MAX_BUCKETS: i64 = 1000;

/// The length of a bucket. They begin at multiples of it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketLength {
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl BucketLength {
    /// All, for the query and the document.
    pub const ALL: [Self; 3] = [Self::FiveMinutes, Self::Hour, Self::Day];

    /// The name in the API: a duration of ISO 8601.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "PT5M",
            Self::Hour => "PT1H",
            Self::Day => "P1D",
        }
    }

    const fn millis(self) -> i64 {
        match self {
            Self::FiveMinutes => 5 * 60_000,
            Self::Hour => 60 * 60_000,
            Self::Day => 24 * 60 * 60_000,
        }
    }

    const fn start(self, at: Time) -> i64 {
        at.millis() - at.millis().rem_euclid(self.millis())
    }

    /// Checks that a period has no more buckets than an answer may have.
    ///
    /// # Errors
    /// `invalid_filter`.
    pub fn check(self, since: Time, until: Time) -> Result<(), Rejection> {
        let length = until.millis().saturating_sub(since.millis());
        if length / self.millis() < MAX_BUCKETS {
            return Ok(());
        }
        let name = self.as_str();
        let detail = format!(
            "From since to until there are more than {MAX_BUCKETS} buckets of {name}: choose a longer bucket, or a shorter time."
        );
        Err(Rejection::new(Code::InvalidFilter, detail).parameter("bucket"))
    }
}

/// The deliveries of one bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bucket {
    /// How many have which status.
    pub counts: Counts,
    /// How many got which status code last, or which error where no response came.
    pub codes: BTreeMap<String, u64>,
    durations: Vec<Duration>,
}

impl Bucket {
    fn add(&mut self, delivery: &Delivery) {
        self.counts.add(delivery);
        let Some(attempt) = &delivery.last_attempt else {
            return;
        };
        let status = delivery.last_status().map(|status| status.to_string());
        let error = || attempt.outcome.failure_code().map(str::to_owned);
        if let Some(code) = status.or_else(error) {
            let number = self.codes.entry(code).or_default();
            *number = number.saturating_add(1);
        }
        self.durations.push(attempt.duration);
    }

    /// The duration of the last attempts that this share of them did not exceed, in hundredths, by
    /// nearest rank. `None` if there was no attempt.
    #[must_use]
    pub fn percentile(&self, hundredths: usize) -> Option<Duration> {
        let mut sorted = self.durations.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * hundredths).div_ceil(100);
        sorted.get(rank.max(1) - 1).copied()
    }
}

/// All buckets of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    length: BucketLength,
    by_start: BTreeMap<i64, Bucket>,
}

impl Buckets {
    pub(super) const fn new(length: BucketLength) -> Self {
        Self {
            length,
            by_start: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, delivery: &Delivery) {
        let start = self.length.start(delivery.id.event.time());
        self.by_start.entry(start).or_default().add(delivery);
    }

    /// Every bucket of a period, the empty ones included, the oldest first.
    pub fn between(&self, since: Time, until: Time) -> impl Iterator<Item = (Time, Bucket)> {
        let steps = std::iter::successors(Some(self.length.start(since)), |start| {
            start.checked_add(self.length.millis())
        });
        let most = usize::try_from(MAX_BUCKETS).unwrap_or(usize::MAX);
        // One more: the first bucket may begin before the period.
        let starts = steps.take_while(move |start| *start < until.millis());
        starts.take(most.saturating_add(1)).map(|start| {
            let bucket = self.by_start.get(&start).cloned().unwrap_or_default();
            (Time::from_millis(start), bucket)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Attempt, Status, Trigger};
    use crate::event;
    use crate::event_summary::EventSummary;
    use crate::outcome::{FailureKind, Outcome};
    use crate::ulid::Ulid;
    use crate::webhook::testing::{at, tenant, webhook};

    const HOUR: i64 = 3600;

    fn delivery(second: i64, outcome: Outcome, took: u64) -> Delivery {
        let event = event::parse(br#"{"type":"item.created","data":1}"#).unwrap();
        let event = event.accept(tenant().id, Ulid::floor(at(second)));
        Delivery {
            status: Status::Completed,
            last_attempt: Some(Attempt {
                number: 1,
                trigger: Trigger::Automatic,
                at: at(second),
                duration: Duration::from_millis(took),
                webhook_version: 1,
                url: String::new(),
                contract: String::new(),
                signature: None,
                own_headers: vec![],
                type_name: None,
                context: BTreeMap::new(),
                outcome,
            }),
            ..EventSummary::from(&event).new_delivery(&webhook().id)
        }
    }

    fn response(status: u16) -> Outcome {
        Outcome::Response {
            status,
            headers: vec![],
            body: String::new(),
            truncated: false,
        }
    }

    #[test]
    fn a_delivery_is_counted_in_the_bucket_of_its_event() {
        let mut buckets = Buckets::new(BucketLength::Hour);
        buckets.add(&delivery(HOUR - 1, response(200), 1));
        buckets.add(&delivery(HOUR, response(200), 1));
        buckets.add(&delivery(3 * HOUR, response(503), 1));
        let timeout = Outcome::failure(FailureKind::Timeout, "");
        buckets.add(&delivery(3 * HOUR + 5, timeout, 1));
        let shown: Vec<_> = buckets.between(at(10), at(3 * HOUR + 6)).collect();
        let starts: Vec<_> = shown.iter().map(|(start, _)| start.seconds()).collect();
        assert_eq!(starts, [0, HOUR, 2 * HOUR, 3 * HOUR]);
        let numbers: Vec<_> = shown.iter().map(|(_, of)| of.counts.completed).collect();
        assert_eq!(numbers, [1, 1, 0, 2]);
        let codes: Vec<_> = shown[3].1.codes.clone().into_iter().collect();
        assert_eq!(codes, [("503".to_owned(), 1), ("timeout".to_owned(), 1)]);
        assert_eq!(buckets.between(at(HOUR), at(HOUR)).count(), 0);
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.percentile(50), None);
        let millis = |bucket: &Bucket| [50, 95, 100].map(|of| bucket.percentile(of).unwrap());
        bucket.add(&delivery(1, response(200), 7));
        assert_eq!(millis(&bucket), [7; 3].map(Duration::from_millis));
        for took in (1..=20).rev().filter(|took| *took != 7) {
            bucket.add(&delivery(1, response(200), took));
        }
        assert_eq!(millis(&bucket), [10, 19, 20].map(Duration::from_millis));
    }

    #[test]
    fn a_delivery_without_an_attempt_has_neither_code_nor_duration() {
        let mut bucket = Bucket::default();
        bucket.add(&Delivery {
            status: Status::Pending,
            last_attempt: None,
            ..delivery(1, response(200), 1)
        });
        assert_eq!((bucket.counts.pending, bucket.codes.len()), (1, 0));
        assert_eq!(bucket.percentile(95), None);
    }

    #[test]
    fn one_answer_has_a_thousand_buckets_at_most() {
        let hours = |number| BucketLength::Hour.check(at(0), at(number * HOUR));
        assert!(hours(999).is_ok() && hours(-1).is_ok());
        assert_eq!(hours(1000).unwrap_err().code, Code::InvalidFilter);
        assert!(BucketLength::Day.check(at(0), at(1000 * HOUR)).is_ok());
        let buckets = Buckets::new(BucketLength::Hour);
        assert_eq!(buckets.between(at(0), at(5000 * HOUR)).count(), 1001);
    }
}
