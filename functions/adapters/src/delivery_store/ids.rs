//! Names under which an event is published once, above all callers' own event ids: one item for
//! each. For 24 hours it makes a repeated publication get the same answer; after that it only leads
//! to the event.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::ids::{EventId, TenantId};
use domain::ports::{EventIdClaim, EventIdRequest, Fault, OnceName, Stage};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::DeliveryTable;
use crate::aws_error::OrAwsFault as _;
use crate::dynamo::{Item, Update, condition_held, from_item, n, of_put, s, to_item};

/// How long an id is remembered.
const ID_RETENTION_SECONDS: i64 = 24 * 3600;
/// How long a caller may take from claim to send: longer than the publish function may run.
const CLAIM_MILLIS: i64 = 30_000;

#[derive(Serialize, Deserialize)]
struct IdRow {
    pk: String,
    sk: String,
    key: Ulid,
    fingerprint: String,
    owner: String,
    lease: i64,
    sent: bool,
    /// An earlier owner gave it up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    taken_over: bool,
    /// Until when the same id means the same event, in seconds. The item itself stays as long as
    /// the event: it is how the event is found.
    repeat_until: i64,
    /// Earlier events with the same id: an erasure by id applies to them as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Ulid>,
    expires_at: i64,
}

/// The maximum number of earlier events: more than the days of the default retention. The oldest
/// are dropped first.
const MAX_EARLIER: usize = 100;

fn partition(tenant: &TenantId, name: &OnceName) -> String {
    match name {
        OnceName::Event(id) => format!("{tenant}#id#{id}"),
        OnceName::DeadLetter(id) => format!("{tenant}#redrive#{id}"),
    }
}

impl DeliveryTable {
    pub(super) async fn claim_event_id(
        &self,
        request: &EventIdRequest<'_>,
    ) -> Result<EventIdClaim, Fault> {
        let row = IdRow {
            pk: partition(request.tenant, request.name),
            sk: "id".to_owned(),
            key: request.key,
            fingerprint: request.fingerprint.to_owned(),
            owner: request.owner.to_owned(),
            lease: request.now.millis() + CLAIM_MILLIS,
            sent: request.already_durable,
            taken_over: false,
            repeat_until: request.now.seconds() + ID_RETENTION_SECONDS,
            earlier: Vec::new(),
            expires_at: self.expires_at(request.key),
        };
        let answer = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row, Stage::AcquireLease)?))
            .condition_expression(
                "attribute_not_exists(pk) OR repeat_until < :now OR #key < :since",
            )
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":since", s(Ulid::floor(request.since).to_string()))
            .expression_attribute_values(":now", n(request.now.seconds()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let old: IdRow = match answer {
            Ok(put) => {
                if let Some(old) = put.attributes {
                    self.keep_earlier(&row, old, request).await?;
                }
                return Ok(EventIdClaim::Acquired {
                    key: request.key,
                    is_taken_over: false,
                });
            }
            Err(e) => from_item(of_put(e, Stage::AcquireLease).old()?, Stage::AcquireLease)?,
        };
        if old.fingerprint != request.fingerprint {
            return Ok(EventIdClaim::Conflict);
        }
        if old.owner == request.owner {
            // Our own claim whose response was lost, or the claim of an earlier receipt of this
            // message.
            return Ok(EventIdClaim::Acquired {
                key: old.key,
                is_taken_over: old.taken_over,
            });
        }
        if old.sent {
            return Ok(EventIdClaim::AlreadyAccepted(old.key));
        }
        if Time::from_millis(old.lease) > request.now {
            return Ok(EventIdClaim::InProgress);
        }
        self.take_over(&old, request).await
    }

    /// An id that is used again after a day also leads to its earlier events. One write unit, for
    /// such an id only.
    async fn keep_earlier(
        &self,
        row: &IdRow,
        old: Item,
        request: &EventIdRequest<'_>,
    ) -> Result<(), Fault> {
        // An unreadable row has no event to keep.
        let Ok(old) = from_item::<IdRow>(old, Stage::AcquireLease) else {
            return Ok(());
        };
        let floor = Ulid::floor(request.since);
        let mut earlier = old.earlier;
        earlier.push(old.key);
        earlier.retain(|key| *key >= floor && *key != request.key);
        let surplus = earlier.len().saturating_sub(MAX_EARLIER);
        let keys: Vec<_> = earlier
            .iter()
            .skip(surplus)
            .map(|key| s(key.to_string()))
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let kept = Update::existing(&self.table, &row.pk, &row.sk)
            .change("SET earlier = :earlier")
            .only_if("#owner = :owner")
            .name("#owner", "owner")
            .value(":owner", s(request.owner))
            .value(":earlier", AttributeValue::L(keys))
            .send(&self.dynamo, Stage::AcquireLease)
            .await;
        condition_held(kept).map(drop)
    }

    /// The earlier caller died between claim and send.
    async fn take_over(
        &self,
        old: &IdRow,
        request: &EventIdRequest<'_>,
    ) -> Result<EventIdClaim, Fault> {
        let taken = Update::existing(&self.table, &old.pk, &old.sk)
            .change("SET #owner = :new, lease = :lease, sent = :sent, taken_over = :yes")
            .only_if("#owner = :old AND lease = :seen AND sent = :unsent")
            .name("#owner", "owner")
            .value(":new", s(request.owner))
            .value(":old", s(&old.owner))
            .value(":seen", n(old.lease))
            .value(":lease", n(request.now.millis() + CLAIM_MILLIS))
            .value(":sent", AttributeValue::Bool(request.already_durable))
            .value(":unsent", AttributeValue::Bool(false))
            .value(":yes", AttributeValue::Bool(true))
            .send(&self.dynamo, Stage::AcquireLease)
            .await;
        // Not held: another caller was faster; or it was this caller, and the next poll detects
        // that.
        Ok(match condition_held(taken)? {
            true => EventIdClaim::Acquired {
                key: old.key,
                is_taken_over: true,
            },
            false => EventIdClaim::InProgress,
        })
    }

    pub(super) async fn end_event_id_claim(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
        sent: bool,
    ) -> Result<(), Fault> {
        let ended = Update::existing(&self.table, partition(tenant, name), "id")
            .change("SET sent = :sent, lease = :over")
            .only_if("#owner = :owner AND sent = :unsent")
            .name("#owner", "owner")
            .value(":sent", AttributeValue::Bool(sent))
            .value(":unsent", AttributeValue::Bool(false))
            .value(":over", n(0))
            .value(":owner", s(owner))
            .send(&self.dynamo, Stage::AcquireLease)
            .await;
        // Not held: a write whose response was lost has marked it already, or another caller has
        // taken the claim over.
        condition_held(ended).map(drop)
    }

    /// The event of a caller's own id. Half a read unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn event_of_id(
        &self,
        tenant: &TenantId,
        id: &EventId,
    ) -> Result<Option<Ulid>, Fault> {
        Ok(self.events_of_id(tenant, id).await?.first().copied())
    }

    /// All events that have had a caller's own id, the current one first. Half a read unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn events_of_id(&self, tenant: &TenantId, id: &EventId) -> Result<Vec<Ulid>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(partition(tenant, &OnceName::Event(id.clone()))))
            .key("sk", s("id"))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadStore)?;
        let row: Option<IdRow> = answer
            .item
            .map(|item| from_item(item, Stage::ReadStore))
            .transpose()?;
        Ok(row.map_or_else(Vec::new, |row| {
            [row.key].into_iter().chain(row.earlier).collect()
        }))
    }
}
