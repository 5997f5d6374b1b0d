//! The content of a test event, and its result for the caller.

use std::time::Duration;

use crate::context::Context;
use crate::contract::Contract;
use crate::event::Event;
use crate::event_type::EventType;
use crate::ids::{EventId, TenantId};
use crate::outcome::Outcome;
use crate::payload::{Content, Payload};
use crate::rejection::Rejection;
use crate::tenant::Webhook;
use crate::ulid::Ulid;

/// How long the caller of a test event waits for its outcome: the gateway gives 30 s.
pub const MAX_WAIT: Duration = Duration::from_secs(25);

/// The type and the data of a test event if neither the caller nor the catalogue gives any.
const DEFAULT_TYPE: &str = "test.webhook";
const DEFAULT_DATA: &str = r#"{"message":"This is a test event."}"#;

/// The type of a test event.
///
/// # Errors
/// `invalid_event_type`.
pub fn test_type(asked: Option<&str>) -> Result<EventType, Rejection> {
    asked.unwrap_or(DEFAULT_TYPE).parse()
}

/// A test event. `example` is the catalogue's example data of its type.
#[must_use]
pub fn test_event(
    tenant: TenantId,
    key: Ulid,
    event_type: EventType,
    example: Option<String>,
    context: Context,
) -> Event {
    Event {
        tenant,
        key,
        id: EventId::generated(key),
        event_type,
        timestamp: key.time().rfc3339(),
        payload: Payload::Kept(Content {
            data: example.unwrap_or_else(|| DEFAULT_DATA.to_owned()),
            context,
        }),
        message_id: None,
        test: true,
    }
}

/// The result of a test event.
#[derive(Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// Whether the contract takes the response for a success.
    pub success: bool,
    /// The status of the response.
    pub status: Option<u16>,
    /// Why it was not a success, as a sentence.
    pub error: Option<String>,
    /// Why there was no response.
    pub error_code: Option<&'static str>,
}

impl TestOutcome {
    /// The result for the outcome of its attempt; `None` if the caller waited [`MAX_WAIT`] for it.
    #[must_use]
    pub fn of(outcome: Option<&Outcome>, contract: &Contract, webhook: &Webhook) -> Self {
        let error = match outcome {
            Some(Outcome::Response { status, .. }) if contract.success.contains(*status) => None,
            Some(outcome) => Some(outcome.sentence()),
            None => Some(no_outcome(webhook)),
        };
        let status = match outcome {
            Some(Outcome::Response { status, .. }) => Some(*status),
            Some(Outcome::Failure { .. }) | None => None,
        };
        Self {
            success: error.is_none(),
            status,
            error,
            error_code: outcome.and_then(Outcome::failure_code),
        }
    }
}

fn no_outcome(webhook: &Webhook) -> String {
    let why = if webhook.is_slow() {
        " The webhook's receiver was slow recently, so the test event waits in the slow lane behind others."
    } else {
        ""
    };
    let seconds = MAX_WAIT.as_secs();
    format!("There is no outcome after {seconds} seconds.{why} Check the delivery later.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::FailureKind;
    use crate::webhook::testing::{at, contract, tenant, webhook};

    fn of(outcome: Option<&Outcome>, webhook: &Webhook) -> TestOutcome {
        TestOutcome::of(outcome, &contract(), webhook)
    }

    fn response(status: u16) -> TestOutcome {
        let response = Outcome::Response {
            status,
            headers: vec![],
            body: String::new(),
            truncated: false,
        };
        of(Some(&response), &webhook())
    }

    #[test]
    fn a_test_event_has_the_catalogues_example_or_a_message_for_people() {
        let event = |asked, example: Option<&str>| {
            let event_type = test_type(asked).unwrap();
            let key = Ulid::floor(at(7));
            let example = example.map(str::to_owned);
            test_event(tenant().id, key, event_type, example, Context::new())
        };
        let data = |event: &Event| event.payload.content().unwrap().data.clone();
        let usual = event(None, None);
        assert_eq!(usual.event_type.as_str(), "test.webhook");
        assert_eq!(data(&usual), r#"{"message":"This is a test event."}"#);
        assert!(usual.test && usual.timestamp == "1970-01-01T00:00:07.000Z");
        let named = event(Some("item.created"), Some("{}"));
        assert_eq!(
            (named.event_type.as_str(), data(&named).as_str()),
            ("item.created", "{}")
        );
        assert!(test_type(Some("item.*")).is_err() && test_type(Some("")).is_err());
    }

    #[test]
    fn the_contract_says_which_response_is_a_success() {
        for (status, success) in [(199, false), (200, true), (299, true), (300, false)] {
            let result = response(status);
            assert_eq!((result.success, result.status), (success, Some(status)));
            assert_eq!(result.error.is_none(), success);
        }
        assert_eq!(
            response(500).error.as_deref(),
            Some("The receiver answered 500.")
        );
    }

    #[test]
    fn a_failure_is_told_by_its_code_and_its_words() {
        let failure = Outcome::failure(FailureKind::Timeout, "no answer in time");
        let result = of(Some(&failure), &webhook());
        assert_eq!((result.success, result.status), (false, None));
        assert_eq!(result.error.as_deref(), Some("No answer in time."));
        assert_eq!(result.error_code, Some("timeout"));
        assert_eq!(response(500).error_code, None);
    }

    #[test]
    fn a_caller_who_waited_for_nothing_learns_why_it_may_be_so() {
        let error = of(None, &webhook()).error.unwrap();
        assert_eq!(
            error,
            "There is no outcome after 25 seconds. Check the delivery later."
        );
        let slow = Webhook {
            slow_since: Some(at(1)),
            failing_since: None,
            since: None,
            written: None,
            ..webhook()
        };
        let result = of(None, &slow);
        assert!(!result.success && result.error.unwrap().contains("slow lane"));
    }
}
