//! What a caller may request of a redrive: of one dead letter, or of many with a job.

use crate::dead_letter::Reason;
use crate::event_type::EventFilter;
use crate::ids::WebhookId;
use crate::payload::Payload;
use crate::ports::{DeadLetterFilter, MAX_RUNNING_JOBS, RedriveJob, RedriveJobStatus, Tally};
use crate::rejection::{Code, Rejection, Together as _};
use crate::tenant::Tenant;
use crate::time::Time;
use crate::ulid::Ulid;

/// How many dead letters a job redrives per second by default.
pub const DEFAULT_RATE_PER_SECOND: u32 = 50;
/// The highest rate that a caller may request.
pub const MAX_RATE_PER_SECOND: u32 = 500;

/// A job as the caller requests it.
#[derive(Default)]
pub struct RedriveRequest {
    /// Only dead letters of this webhook.
    pub webhook: Option<WebhookId>,
    /// Only dead letters of events of these types.
    pub event_type: Option<EventFilter>,
    /// Only dead letters with this reason.
    pub reason: Option<Reason>,
    /// Those given up at or after this time.
    pub since: Option<String>,
    /// Those given up before this time.
    pub until: Option<String>,
    /// Dead letters per second.
    pub rate_per_second: Option<u32>,
}

/// A valid request for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidRedrive {
    /// Which dead letters to redrive.
    pub filter: DeadLetterFilter,
    rate: u32,
}

impl RedriveRequest {
    /// Validates the request.
    ///
    /// # Errors
    /// `invalid_timestamp` for what is no time, `invalid_rate` for a rate out of bounds.
    pub fn read(self) -> Result<ValidRedrive, Rejection> {
        let ((since, until), rate) = time(self.since.as_deref(), "since")
            .and_also(time(self.until.as_deref(), "until"))
            .and_also(rate(self.rate_per_second))?;
        let filter = DeadLetterFilter {
            webhook: self.webhook,
            event_type: self.event_type,
            reasons: self.reason.into_iter().collect(),
            since,
            until,
            log_begins: None,
        };
        Ok(ValidRedrive { filter, rate })
    }
}

fn rate(asked: Option<u32>) -> Result<u32, Rejection> {
    let rate = asked.unwrap_or(DEFAULT_RATE_PER_SECOND);
    if !(1..=MAX_RATE_PER_SECOND).contains(&rate) {
        let detail = format!("ratePerSecond is a number from 1 to {MAX_RATE_PER_SECOND}.");
        return Err(Rejection::new(Code::InvalidRate, detail).field("ratePerSecond"));
    }
    Ok(rate)
}

fn time(text: Option<&str>, field: &str) -> Result<Option<Time>, Rejection> {
    text.map(|text| Time::parse_rfc3339(text).ok_or_else(|| Rejection::not_a_time(field)))
        .transpose()
}

impl ValidRedrive {
    /// Limits the request to the dead letters that the tenant can see now. A delivery that fails
    /// again while the job runs is not redriven again.
    #[must_use]
    pub fn as_of(mut self, tenant: &Tenant, now: Time) -> Self {
        self.filter.log_begins = Some(tenant.log_begins());
        self.filter.until = Some(self.filter.until.map_or(now, |until| until.min(now)));
        self
    }

    /// The job before its first step. `total` is how many dead letters there are.
    #[must_use]
    pub fn job(self, id: Ulid, tenant: &Tenant, total: u64, now: Time) -> RedriveJob {
        RedriveJob {
            id,
            tenant: tenant.id.clone(),
            filter: self.filter,
            rate: self.rate,
            status: RedriveJobStatus::Running,
            total,
            tally: Tally::default(),
            cursor: None,
            turn: 0,
            next_at: now,
            ended_at: None,
        }
    }
}

/// The rejection when the tenant already has [`MAX_RUNNING_JOBS`] running jobs.
#[must_use]
pub fn too_many_jobs() -> Rejection {
    let detail = format!(
        "The tenant has {MAX_RUNNING_JOBS} running redrives, the maximum: wait until one is completed, or stop one with POST …/redrives/{{id}}/cancel. GET …/redrives lists them."
    );
    Rejection::new(Code::RedriveLimit, detail)
}

impl RedriveJob {
    /// The known number of dead letters: at least as many as the job has met, if they could not all
    /// be counted.
    #[must_use]
    pub fn total_known(&self) -> u64 {
        self.total.max(self.tally.sum())
    }

    /// How many dead letters other callers have redriven or deleted. A completed job has not met
    /// those that were gone when it reached them.
    #[must_use]
    pub fn skipped_known(&self) -> u64 {
        let met = self.tally.done.saturating_add(self.tally.failed);
        match self.status {
            RedriveJobStatus::Completed => self.total_known().saturating_sub(met),
            RedriveJobStatus::Running | RedriveJobStatus::Cancelled => self.tally.skipped,
        }
    }
}

/// Whether a dead letter can be redriven.
///
/// # Errors
/// `already_redriven`, or `event_erased`.
pub fn check_redrivable(
    redriven_at: Option<Time>,
    erased_at: Option<Time>,
) -> Result<(), Rejection> {
    match (redriven_at, erased_at) {
        (Some(_), _) => Err(already_redriven()),
        (None, Some(_)) => Err(Rejection::event_erased()),
        (None, None) => Ok(()),
    }
}

/// The rejection of a dead letter that was already redriven.
#[must_use]
pub fn already_redriven() -> Rejection {
    let detail = "This dead letter has already been redriven.";
    Rejection::new(Code::AlreadyRedriven, detail)
}

/// Why a delivery was not redriven, from the payload of its event in the log. A dead letter may
/// outlive its event: its retention begins with its own creation, the event's with its acceptance.
#[must_use]
pub fn why_not_redriven(payload: Option<&Payload>) -> Rejection {
    match payload {
        None => {
            let detail = "The event has expired and can no longer be sent.";
            Rejection::new(Code::NotRedrivable, detail)
        }
        Some(Payload::Erased(_)) => Rejection::event_erased(),
        Some(Payload::Kept(_)) => already_redriven(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::payload::Content;
    use crate::webhook::testing::{at, tenant};

    fn since(text: &str) -> RedriveRequest {
        RedriveRequest {
            since: Some(text.to_owned()),
            ..RedriveRequest::default()
        }
    }

    fn job(status: RedriveJobStatus, total: u64, tally: Tally) -> RedriveJob {
        let redrive = RedriveRequest::default().read().unwrap();
        let id = Ulid::floor(at(5));
        RedriveJob {
            status,
            tally,
            ..redrive.job(id, &tenant(), total, at(5))
        }
    }

    #[test]
    fn a_rate_is_1_to_500_a_second_and_50_by_default() {
        let rate = |rate| {
            let request = RedriveRequest {
                rate_per_second: rate,
                ..RedriveRequest::default()
            };
            request.read().map(|redrive| redrive.rate)
        };
        assert_eq!(rate(None).unwrap(), 50);
        for right in [1, 500] {
            assert_eq!(rate(Some(right)).unwrap(), right);
        }
        for wrong in [0, 501, u32::MAX] {
            let refusal = rate(Some(wrong)).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidRate);
            assert_eq!(refusal.field.as_deref(), Some("ratePerSecond"));
            assert_eq!(&*refusal.detail, "ratePerSecond is a number from 1 to 500.");
        }
    }

    #[test]
    fn the_times_of_a_filter_are_read_with_any_offset_or_refused_by_name() {
        let filter = since("1970-01-01T01:00:07+01:00").read().unwrap().filter;
        assert_eq!(filter.since, Some(at(7)));
        let until = |text: &str| RedriveRequest {
            until: Some(text.to_owned()),
            ..RedriveRequest::default()
        };
        assert_eq!(
            until("1970-01-01T00:00:07Z").read().unwrap().filter.until,
            Some(at(7))
        );
        for wrong in ["", "yesterday", "1970-01-01"] {
            for (request, field) in [(since(wrong), "since"), (until(wrong), "until")] {
                let refusal = request.read().unwrap_err();
                assert_eq!(refusal, Rejection::not_a_time(field));
            }
        }
    }

    #[test]
    fn a_filter_keeps_what_was_asked_for() {
        let webhook = WebhookId::new([3; 16]);
        let request = RedriveRequest {
            webhook: Some(webhook.clone()),
            event_type: Some(EventFilter::Component("a".to_owned())),
            reason: Some(Reason::Gone),
            ..RedriveRequest::default()
        };
        let filter = request.read().unwrap().filter;
        assert_eq!(filter.webhook, Some(webhook));
        assert_eq!(String::from(filter.event_type.unwrap()), "a.*");
        assert_eq!(filter.reasons, [Reason::Gone]);
    }

    #[test]
    fn a_job_takes_nothing_that_dies_after_it_was_made() {
        let until = |asked: Option<i64>| {
            let mut redrive = RedriveRequest::default().read().unwrap();
            redrive.filter.until = asked.map(at);
            redrive.as_of(&tenant(), at(100)).filter.until
        };
        assert_eq!(until(None), Some(at(100)));
        assert_eq!(until(Some(99)), Some(at(99)));
        assert_eq!(until(Some(101)), Some(at(100)));
    }

    #[test]
    fn a_job_takes_nothing_of_an_earlier_tenant_of_the_same_id() {
        let redrive = since("1970-01-01T00:00:00Z").read().unwrap();
        let filter = redrive.as_of(&tenant(), at(100)).filter;
        assert_eq!(filter.log_begins, Some(tenant().log_begins()));
    }

    #[test]
    fn a_new_job_runs_from_the_start_and_has_met_nothing() {
        let job = job(RedriveJobStatus::Running, 9, Tally::default());
        assert_eq!(
            (job.status, job.total, job.rate),
            (RedriveJobStatus::Running, 9, 50)
        );
        assert_eq!((job.turn, &job.cursor, job.next_at), (0, &None, at(5)));
        assert_eq!((job.tally.sum(), job.tenant), (0, tenant().id));
    }

    #[test]
    fn a_job_that_met_more_than_were_counted_tells_how_many_it_met() {
        let tally = Tally {
            done: 5,
            failed: 3,
            skipped: 4,
        };
        assert_eq!(job(RedriveJobStatus::Running, 10, tally).total_known(), 12);
        assert_eq!(job(RedriveJobStatus::Running, 20, tally).total_known(), 20);
    }

    #[test]
    fn a_completed_job_skipped_whatever_it_did_not_meet() {
        let tally = Tally {
            done: 5,
            failed: 3,
            skipped: 1,
        };
        assert_eq!(
            job(RedriveJobStatus::Completed, 20, tally).skipped_known(),
            12
        );
        for status in [RedriveJobStatus::Running, RedriveJobStatus::Cancelled] {
            assert_eq!(job(status, 20, tally).skipped_known(), 1);
        }
    }

    #[test]
    fn a_dead_letter_is_redriven_once_and_not_after_its_event_was_erased() {
        let code = |redriven, erased| {
            let refusal = check_redrivable(redriven, erased).err();
            refusal.map(|refusal| refusal.code)
        };
        let time = Some(at(1));
        assert_eq!(code(None, None), None);
        assert_eq!(code(time, None), Some(Code::AlreadyRedriven));
        assert_eq!(code(None, time), Some(Code::EventErased));
        assert_eq!(code(time, time), Some(Code::AlreadyRedriven));
    }

    #[test]
    fn a_delivery_that_was_not_redriven_is_answered_by_what_is_left_of_its_event() {
        let kept = Payload::Kept(Content {
            data: "1".to_owned(),
            context: std::collections::BTreeMap::new(),
        });
        let code = |payload| why_not_redriven(payload).code;
        assert_eq!(code(None), Code::NotRedrivable);
        let erased = Payload::Erased(at(1));
        assert_eq!(code(Some(&erased)), Code::EventErased);
        assert_eq!(code(Some(&kept)), Code::AlreadyRedriven);
    }

    proptest! {
        /// The API document promises it: the sum of `done`, `failed` and `skipped` is `total`.
        #[test]
        fn the_numbers_of_a_completed_job_add_up(
            total in 0u64..1000, done in 0u64..500, failed in 0u64..500, skipped in 0u64..500,
        ) {
            let tally = Tally { done, failed, skipped };
            let job = job(RedriveJobStatus::Completed, total, tally);
            prop_assert_eq!(done + failed + job.skipped_known(), job.total_known());
            prop_assert!(job.total_known() >= total);
        }
    }
}
