//! How many test events of a tenant may run at a time.
//!
//! A test event is sent at once while its caller waits, so each receiver that hangs keeps a
//! dispatcher busy. Neither the caller's identity nor whether the caller still waits shows how many
//! are running; only the leases count.

mod result;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::WebhookId;
use crate::rejection::{Code, Rejection};
use crate::time::Time;

pub use result::{MAX_WAIT, TestOutcome, test_event, test_type};

/// The maximum duration of a test event's attempt, whatever timeout its webhook has: the gateway
/// gives its caller 30 s.
pub const MAX_TEST_WAIT: Duration = Duration::from_secs(20);

/// How long a test event counts as running if its end is not recorded.
pub const LEASE: Duration = Duration::from_secs(30);

/// How many test events of one tenant may run at a time, each of a different webhook.
pub const TESTS_PER_TENANT: usize = 3;

/// A running test event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestLease {
    /// Its webhook.
    pub webhook: WebhookId,
    /// The end of the lease.
    pub until: Time,
    /// Random: lets its creator recognise it, even if the response to that write was lost.
    pub owner: String,
}

impl TestLease {
    /// A lease that begins now.
    #[must_use]
    pub fn new(webhook: &WebhookId, owner: String, now: Time) -> Self {
        Self {
            webhook: webhook.clone(),
            until: now.plus(LEASE),
            owner,
        }
    }
}

/// Adds a test event to the running ones, or returns what it must wait for and for at most how many
/// seconds. True if it was added, false if it is already among them.
///
/// # Errors
/// If the webhook already has a running test event, or its tenant the maximum number.
pub fn begin(
    under_way: &mut Vec<TestLease>,
    lease: &TestLease,
    now: Time,
) -> Result<bool, (Rejection, i64)> {
    under_way.retain(|other| other.until > now);
    if under_way.contains(lease) {
        return Ok(false);
    }
    let of_this = under_way
        .iter()
        .find(|other| other.webhook == lease.webhook);
    let is_full = under_way.len() >= TESTS_PER_TENANT;
    let first_to_end = under_way.iter().min_by_key(|lease| lease.until);
    if let Some(awaited) = of_this.or(first_to_end.filter(|_| is_full)) {
        let seconds = i64::try_from(awaited.until.since(now).as_secs()).unwrap_or(0) + 1;
        let what = if of_this.is_some() {
            "A test event of this webhook is running, and only one may run at a time".to_owned()
        } else {
            format!("{TESTS_PER_TENANT} test events of this tenant are running, the maximum")
        };
        let detail = format!("{what}: wait for its answer, {seconds} seconds at most.");
        return Err((Rejection::new(Code::TestUnderWay, detail), seconds));
    }
    under_way.push(lease.clone());
    Ok(true)
}

/// Removes a test event that has ended from the running ones. False if it no longer counted.
pub fn end(under_way: &mut Vec<TestLease>, lease: &TestLease) -> bool {
    let before = under_way.len();
    under_way.retain(|other| other != lease);
    under_way.len() < before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(number: u8, now: Time) -> TestLease {
        TestLease::new(&WebhookId::new([number; 16]), now.rfc3339(), now)
    }

    fn begin_now(
        under_way: &mut Vec<TestLease>,
        number: u8,
        now: Time,
    ) -> Result<bool, (Rejection, i64)> {
        begin(under_way, &lease(number, now), now)
    }

    #[test]
    fn a_webhook_has_one_test_event_under_way_and_a_tenant_three() {
        let (mut under_way, now) = (Vec::new(), Time::from_millis(1_000_000));
        let later = now.plus(Duration::from_secs(10));
        let first = lease(1, now);
        assert!(begin(&mut under_way, &first, now).unwrap());
        let (refused, seconds) = begin_now(&mut under_way, 1, later).unwrap_err();
        assert_eq!((refused.code, seconds), (Code::TestUnderWay, 21));
        assert!(refused.detail.contains("this webhook"));
        for number in 2..=3 {
            begin_now(&mut under_way, number, later).unwrap();
        }
        let (refused, seconds) = begin_now(&mut under_way, 4, later).unwrap_err();
        assert_eq!((refused.code, seconds), (Code::TestUnderWay, 21));
        assert!(refused.detail.contains("this tenant"));
        assert_eq!(under_way.len(), TESTS_PER_TENANT);
        // One ends, and another may begin.
        assert!(end(&mut under_way, &first));
        assert!(!end(&mut under_way, &first));
        begin_now(&mut under_way, 4, later).unwrap();
    }

    #[test]
    fn an_abandoned_test_event_counts_for_half_a_minute_and_its_end_frees_no_other() {
        let (mut under_way, now) = (Vec::new(), Time::from_millis(1_000_000));
        let crashed = lease(1, now);
        begin(&mut under_way, &crashed, now).unwrap();
        let just_before = Time::from_millis(now.plus(LEASE).millis() - 1);
        assert!(begin_now(&mut under_way, 1, just_before).is_err());
        begin_now(&mut under_way, 1, now.plus(LEASE)).unwrap();
        assert!(!end(&mut under_way, &crashed));
        assert_eq!(under_way.len(), 1);
    }

    #[test]
    fn who_began_it_knows_it_again() {
        let (mut under_way, now) = (Vec::new(), Time::from_millis(1_000_000));
        let ours = lease(1, now);
        assert!(begin(&mut under_way, &ours, now).unwrap());
        assert!(!begin(&mut under_way, &ours, now).unwrap());
        assert_eq!(under_way, [ours]);
    }

    #[test]
    fn an_attempt_and_its_way_there_fit_into_what_the_gateway_gives() {
        assert!(MAX_TEST_WAIT < MAX_WAIT && MAX_WAIT < LEASE);
    }
}
