//! The summary of a delivery in lists.

use super::{Delivery, Status};
use crate::outcome::Outcome;
use crate::time::Time;

impl Delivery {
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

    /// Why it is not delivered: the reason for its end, else the outcome of its last attempt.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        if self.status == Status::Completed {
            return None;
        }
        let last = self.last_attempt.as_ref().map(|attempt| &attempt.outcome);
        match (self.reason, last) {
            (Some(reason), Some(Outcome::Response { status, .. })) => {
                Some(format!("{}: {}", reason.as_str(), answered(*status)))
            }
            (Some(reason), _) => Some(reason.as_str().to_owned()),
            (None, Some(Outcome::Response { status, .. })) => Some(answered(*status)),
            (None, Some(Outcome::Failure { kind, .. })) => Some(kind.code().to_owned()),
            (None, None) => None,
        }
    }
}

/// The error text of a response that is not a success.
fn answered(status: u16) -> String {
    format!("the receiver answered {status}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::dead_letter::Reason;
    use crate::delivery::{Attempt, Trigger, Verdict};
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
            detail: "a secret place".to_owned(),
        }
    }

    #[test]
    fn a_delivery_before_its_first_attempt_has_no_error() {
        let new = new();
        assert_eq!(
            (new.error(), new.processed_at(), new.last_status()),
            (None, None, None)
        );
    }

    #[test]
    fn an_error_is_the_reason_of_the_end_and_the_last_response() {
        let retry = Verdict::Retry(Duration::ZERO);
        let dead = Verdict::Dead(Reason::Exhausted);
        for (outcome, verdict, expected) in [
            (response(503), retry, "the receiver answered 503"),
            (response(503), dead, "exhausted: the receiver answered 503"),
            (failure(), retry, "address_blocked"),
            (failure(), dead, "exhausted"),
        ] {
            assert_eq!(after(outcome, verdict).error().as_deref(), Some(expected));
        }
        let never_tried = new().abandoned(Reason::WebhookInactive);
        assert_eq!(never_tried.error().as_deref(), Some("webhook_inactive"));
    }

    #[test]
    fn a_completed_delivery_has_a_status_and_no_error() {
        let completed = after(response(204), Verdict::Delivered);
        assert_eq!(
            (completed.error(), completed.last_status()),
            (None, Some(204))
        );
    }

    #[test]
    fn an_attempt_is_processed_when_it_ended() {
        let failed = after(failure(), Verdict::Retry(Duration::from_secs(60)));
        assert_eq!(failed.processed_at(), Some(at(12)));
        assert_eq!(failed.last_status(), None);
    }
}
