//! The summary of a delivery in lists.

use std::time::Duration;

use super::{Delivery, Status, Trigger};
use crate::dead_letter::Reason;
use crate::outcome::Outcome;
use crate::time::Time;

impl Delivery {
    /// The status that its owner sees. A test event's one attempt is made at once: it is never
    /// pending, and the pending deliveries are the same in the list and in the counts, which leave
    /// test events out.
    #[must_use]
    pub fn shown_status(&self) -> Status {
        match self.status {
            Status::Pending if self.is_test => Status::Processing,
            status => status,
        }
    }

    /// How long its last attempt took.
    #[must_use]
    pub fn last_duration(&self) -> Option<Duration> {
        Some(self.last_attempt.as_ref()?.duration)
    }

    /// Who asked for its last attempt.
    #[must_use]
    pub fn last_trigger(&self) -> Option<Trigger> {
        Some(self.last_attempt.as_ref()?.trigger)
    }

    /// When its last attempt ended.
    #[must_use]
    pub fn processed_at(&self) -> Option<Time> {
        let last = self.last_attempt.as_ref()?;
        Some(last.at.plus(last.duration))
    }

    /// The status of its last response.
    #[must_use]
    pub fn last_status(&self) -> Option<u16> {
        match self.last_attempt.as_ref()?.outcome {
            Outcome::Response { status, .. } => Some(status),
            Outcome::Failure { .. } => None,
        }
    }

    /// Why it is not delivered, as a sentence: the outcome of its last attempt.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        if self.status == Status::Completed {
            return None;
        }
        match (self.reason, &self.last_attempt) {
            (_, Some(attempt)) => Some(attempt.outcome.sentence()),
            (Some(_), None) => Some("No attempt was made.".to_owned()),
            (None, None) => None,
        }
    }

    /// The same as a code: the reason for its end, else why its last attempt got no response.
    #[must_use]
    pub fn error_code(&self) -> Option<&'static str> {
        if self.status == Status::Completed {
            return None;
        }
        let last = || self.last_attempt.as_ref()?.outcome.failure_code();
        self.reason.map(Reason::as_str).or_else(last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::delivery::{Attempt, Verdict};
    use crate::event;
    use crate::outcome::FailureKind;
    use crate::ulid::Ulid;
    use crate::webhook::testing::{at, tenant, webhook};

    fn new() -> Delivery {
        let event = event::parse(br#"{"type":"a.b","data":1}"#).unwrap();
        let event = event.accept(tenant().id, Ulid::floor(at(1)));
        Delivery::new(&event, &webhook().id)
    }

    fn after(outcome: Outcome, verdict: Verdict) -> Delivery {
        let attempt = Attempt {
            number: 1,
            trigger: Trigger::Automatic,
            at: at(10),
            duration: Duration::from_secs(2),
            webhook_version: 1,
            url: String::new(),
            contract: String::new(),
            signature: None,
            own_headers: vec![],
            type_name: None,
            context: BTreeMap::new(),
            outcome,
        };
        new().after_automatic(attempt, verdict)
    }

    fn response(status: u16) -> Outcome {
        Outcome::Response {
            status,
            headers: vec![],
            body: String::new(),
            truncated: false,
        }
    }

    fn failure() -> Outcome {
        Outcome::Failure {
            kind: FailureKind::AddressBlocked,
            detail: "the place is secret".to_owned(),
        }
    }

    #[test]
    fn a_delivery_before_its_first_attempt_has_no_error() {
        let new = new();
        assert_eq!((new.error(), new.error_code()), (None, None));
        assert_eq!((new.processed_at(), new.last_status()), (None, None));
    }

    #[test]
    fn an_error_is_what_came_of_the_last_attempt_and_its_code_why_it_ended() {
        let retry = Verdict::Retry(Duration::ZERO);
        let dead = Verdict::Dead(Reason::Exhausted);
        let (answered, secret) = (
            "The receiver answered 503.",
            "The URL or its address is blocked: the place is secret.",
        );
        for (outcome, verdict, error, code) in [
            (response(503), retry, answered, None),
            (response(503), dead, answered, Some("exhausted")),
            (failure(), retry, secret, Some("address_blocked")),
            (failure(), dead, secret, Some("exhausted")),
        ] {
            let delivery = after(outcome, verdict);
            assert_eq!(delivery.error().as_deref(), Some(error));
            assert_eq!(delivery.error_code(), code);
        }
        let never_tried = new().abandoned(Reason::WebhookInactive);
        assert_eq!(never_tried.error().as_deref(), Some("No attempt was made."));
        assert_eq!(never_tried.error_code(), Some("webhook_inactive"));
    }

    #[test]
    fn a_completed_delivery_has_a_status_and_no_error() {
        let completed = after(response(204), Verdict::Delivered);
        assert_eq!((completed.error(), completed.error_code()), (None, None));
        assert_eq!(completed.last_status(), Some(204));
    }

    #[test]
    fn a_test_event_is_never_pending() {
        assert_eq!(new().shown_status(), Status::Pending);
        for (status, shown) in [
            (Status::Pending, Status::Processing),
            (Status::Processing, Status::Processing),
            (Status::Completed, Status::Completed),
            (Status::Failed, Status::Failed),
        ] {
            let test = Delivery {
                is_test: true,
                status,
                ..new()
            };
            assert_eq!(test.shown_status(), shown);
        }
    }

    #[test]
    fn an_attempt_is_processed_when_it_ended() {
        let failed = after(failure(), Verdict::Retry(Duration::from_secs(60)));
        assert_eq!(failed.last_duration(), Some(Duration::from_secs(2)));
        assert_eq!(failed.last_trigger(), Some(Trigger::Automatic));
        assert_eq!(failed.processed_at(), Some(at(12)));
        assert_eq!(failed.last_status(), None);
    }
}
