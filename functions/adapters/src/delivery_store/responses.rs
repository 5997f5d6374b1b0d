//! Long responses of failed attempts, each in an item of its own.
//!
//! A write costs a unit for each KB of the whole item, whatever it changes. So a long response is
//! not in the row of a delivery that is written again: its row then costs one unit for a lease, for
//! the next outcome and twice that for a dead letter. A completed delivery keeps its response in
//! its row, since it is written for the last time.
//!
//! The response is stored first, then the row. Its key has the attempt's number and its start, so
//! processes that make the same attempt do not replace each other's response, and a process that
//! dies in between leaves an item that nothing refers to. A former version shows such an attempt
//! without its response and erases the item with the others of its partition.

use std::borrow::Cow;
use std::future::Future;
use std::time::{Duration, Instant};

use domain::delivery::{Attempt, Delivery, Status};
use domain::flow::AWS_CALL_TIMEOUT;
use domain::ids::{DeliveryId, TenantId};
use domain::outcome::Outcome;
use domain::ports::{Fault, Stage};
use domain::time::Time;

use super::attempts::write_attempt;
use super::rows::AttemptItem;
use super::{DeliveryTable, attempts_partition};
use crate::aws_error::OrAwsFault as _;
use crate::dynamo::to_item;

/// With a response of this size, headers included, a row still fits into one write unit. Test:
/// a_row_without_its_response_is_one_write_unit.
const MAX_RESPONSE_IN_ROW: usize = 300;

/// A response that is not stored by then remains in the row. Many are stored at once, each over a
/// connection of its own.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes a row after its response was stored, both within the time of one call: there is time for
/// two of them between a POST and the end of the invocation.
pub(super) async fn within_one_call<T>(
    began: Instant,
    write: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let left = AWS_CALL_TIMEOUT.saturating_sub(began.elapsed());
    match tokio::time::timeout(left, write).await {
        Ok(written) => written,
        Err(late) => Err(Fault::transient(Stage::WriteOutcome, late)),
    }
}

impl DeliveryTable {
    /// The delivery as its row stores it, after its response is stored: one write unit for each KB
    /// of a long response, and no request for a short one.
    pub(super) async fn store_response<'a>(&self, delivery: &'a Delivery) -> Cow<'a, Delivery> {
        let Some(attempt) = separate_response(delivery) else {
            return Cow::Borrowed(delivery);
        };
        let key = response_key(&delivery.id, attempt.number, attempt.at);
        let stored = self.put_attempt(delivery, attempt, key);
        match tokio::time::timeout(RESPONSE_TIMEOUT, stored).await {
            Ok(Ok(())) => Cow::Owned(Delivery {
                last_attempt: Some(without_response(attempt)),
                ..delivery.clone()
            }),
            Ok(Err(_)) | Err(_) => Cow::Borrowed(delivery),
        }
    }

    /// Stores an attempt beside its delivery. Repeating the write changes nothing.
    pub(super) async fn put_attempt(
        &self,
        delivery: &Delivery,
        attempt: &Attempt,
        key: String,
    ) -> Result<(), Fault> {
        let row = AttemptItem {
            pk: attempts_partition(&delivery.tenant, delivery.id.event),
            sk: key,
            attempt: write_attempt(attempt, delivery.id.event)?,
            expires_at: self.expires_at(delivery.id.event),
        };
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row, Stage::WriteOutcome)?));
        put.send().await.map(|_| ()).or_fault(Stage::WriteOutcome)
    }

    /// Adds the responses that are stored separately. No request if there is none.
    pub(super) async fn add_responses(
        &self,
        tenant: &TenantId,
        id: &DeliveryId,
        attempts: &mut [Attempt],
    ) -> Result<(), Fault> {
        let wanted = attempts.iter().filter(|one| lacks_response(one)).count();
        if wanted == 0 {
            return Ok(());
        }
        let prefix = format!("{RESPONSE}{}#", id.webhook);
        let most = wanted.saturating_add(WITHOUT_ROW);
        for stored in self.attempts_of(tenant, id, prefix, most).await? {
            let bare = without_response(&stored);
            if let Some(of) = attempts.iter_mut().find(|one| **one == bare) {
                *of = stored;
            }
        }
        Ok(())
    }
}

/// How many responses that no row refers to may be among those of a delivery.
const WITHOUT_ROW: usize = 10;

/// No webhook's id begins like this, so a query for a webhook's attempts does not find it.
const RESPONSE: &str = "response#";

fn response_key(id: &DeliveryId, number: u32, at: Time) -> String {
    format!("{RESPONSE}{}#{number:05}#{}", id.webhook, at.millis())
}

/// The last attempt, if its response does not belong into the delivery's row. A test event has one
/// attempt, whose response is read from the row.
pub(super) fn separate_response(delivery: &Delivery) -> Option<&Attempt> {
    if delivery.status == Status::Completed || delivery.is_test {
        return None;
    }
    let last = delivery.last_attempt.as_ref()?;
    (last.outcome.said_bytes() > MAX_RESPONSE_IN_ROW).then_some(last)
}

/// Whether the response may be stored separately; a receiver may also have sent nothing of it.
fn lacks_response(attempt: &Attempt) -> bool {
    matches!(&attempt.outcome, Outcome::Response { headers, body, truncated: true, .. }
        if headers.is_empty() && body.is_empty())
}

/// The attempt as the row stores it. For a reader that does not look for the response, it is cut.
fn without_response(attempt: &Attempt) -> Attempt {
    let outcome = match &attempt.outcome {
        Outcome::Response { status, .. } => Outcome::Response {
            status: *status,
            headers: Vec::new(),
            body: String::new(),
            truncated: true,
        },
        failure @ Outcome::Failure { .. } => failure.clone(),
    };
    Attempt {
        outcome,
        ..attempt.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_dynamodb::types::AttributeValue;
    use domain::delivery::{Trigger, Verdict};
    use domain::event;
    use domain::ids::WebhookId;
    use domain::outcome::{FailureKind, MAX_RECORDED_RESPONSE_BYTES};
    use domain::ulid::Ulid;

    use super::super::DueShards;
    use super::super::rows::DeliveryRow;
    use super::*;

    fn failed(body: String) -> Delivery {
        let event = event::parse(br#"{"type":"item.created","data":1}"#).unwrap();
        let key = Ulid::derived(Time::from_millis(1_800_000_000_000), "x");
        let event = event.accept("a-tenant-of-ours".parse().unwrap(), key);
        let attempt = Attempt {
            number: 1,
            trigger: Trigger::Automatic,
            at: key.time(),
            duration: Duration::from_millis(120),
            webhook_version: 3,
            url: "https://hooks.example.com/services/postel/3".to_owned(),
            contract: "standard".to_owned(),
            signature: Some(format!("v1,{}=", "a".repeat(43))),
            own_headers: Vec::new(),
            type_name: None,
            context: BTreeMap::new(),
            outcome: Outcome::Response {
                status: 502,
                headers: vec![("content-type".to_owned(), "text/html".to_owned())],
                body,
                truncated: false,
            },
        };
        let retry = Verdict::Retry(Duration::from_secs(5));
        Delivery::new(&event, &WebhookId::new([7; 16])).after_automatic(attempt, retry)
    }

    /// As DynamoDB counts: names and values. A number has a byte for two digits, and one more.
    fn row_bytes(delivery: &Delivery) -> usize {
        let row =
            DeliveryRow::new(delivery, &"0".repeat(26), 1_900_000_000, DueShards::ALL).unwrap();
        let item = to_item(&row, Stage::WriteOutcome).unwrap();
        let lease = "lease_owner".len() + 26 + "lease_until".len() + 8 + "begun".len() + 26;
        let bytes = item.iter().map(|(name, value)| {
            let value = match value {
                AttributeValue::S(text) => text.len(),
                AttributeValue::N(digits) => digits.len() / 2 + 1,
                _ => 1,
            };
            name.len() + value
        });
        bytes.sum::<usize>() + lease
    }

    #[test]
    fn a_row_without_its_response_is_one_write_unit() {
        let long = failed("x".repeat(MAX_RECORDED_RESPONSE_BYTES));
        let last = without_response(separate_response(&long).unwrap());
        let bare = Delivery {
            last_attempt: Some(last),
            ..long
        };
        // Room for a longer URL.
        assert!(row_bytes(&bare) < 800, "{}", row_bytes(&bare));
        let short = failed("x".repeat(MAX_RESPONSE_IN_ROW - "text/html".len()));
        assert!(separate_response(&short).is_none());
        assert!(row_bytes(&short) <= 1024, "{}", row_bytes(&short));
    }

    #[test]
    fn only_a_long_response_of_a_delivery_that_is_written_again_is_separate() {
        let long = failed("x".repeat(1_000));
        assert!(separate_response(&long).is_some());
        let with = |change: fn(&mut Delivery)| {
            let mut changed = long.clone();
            change(&mut changed);
            changed
        };
        for other in [
            with(|delivery| delivery.status = Status::Completed),
            with(|delivery| delivery.is_test = true),
            with(|delivery| delivery.last_attempt = None),
            with(|delivery| {
                if let Some(last) = &mut delivery.last_attempt {
                    last.outcome = Outcome::failure(FailureKind::Timeout, "no answer in time");
                }
            }),
            long.clone().erased(Time::from_millis(1)),
        ] {
            assert!(separate_response(&other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn an_attempt_that_lacks_its_response_shows_it() {
        let long = failed("x".repeat(1_000)).last_attempt.unwrap();
        let bare = without_response(&long);
        assert!(lacks_response(&bare) && !lacks_response(&long));
        // An erased response is not looked for.
        assert!(!lacks_response(&bare.erased()));
    }

    #[tokio::test]
    async fn a_row_is_given_up_when_the_time_of_one_call_is_over() {
        let before = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds));
        let late = within_one_call(before(3).unwrap(), std::future::pending::<Result<(), _>>());
        assert!(late.await.unwrap_err().is_transient());
        let written = within_one_call(Instant::now(), async { Ok(1) });
        assert_eq!(written.await.unwrap(), 1);
        // Room for one try of the row.
        assert!(RESPONSE_TIMEOUT + AWS_CALL_TIMEOUT / 2 < AWS_CALL_TIMEOUT);
    }
}
