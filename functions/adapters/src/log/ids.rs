//! Callers' own event ids: one item for each. For 24 hours it makes a repetition answer alike; after that it only leads to the event.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::ids::{EventId, TenantId};
use domain::ports::{Fault, IdClaim, IdRequest, Stage};
use domain::time::Time;
use domain::ulid::Ulid;
use serde::{Deserialize, Serialize};

use super::LogTable;
use crate::dynamo::{Refused, from_item, n, of_put, of_update, s, to_item};

/// How long an id is remembered.
const REMEMBERED_SECONDS: i64 = 24 * 3600;
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
    /// Until when the same id means the same event, in seconds. The item itself stays as long as the event: it is how the event is found.
    repeat_until: i64,
    expires_at: i64,
}

fn id_partition(tenant: &TenantId, id: &EventId) -> String {
    format!("{tenant}#id#{id}")
}

impl LogTable {
    pub(super) async fn take_id(&self, request: &IdRequest<'_>) -> Result<IdClaim, Fault> {
        let row = IdRow {
            pk: id_partition(request.tenant, request.id),
            sk: "id".to_owned(),
            key: request.key,
            fingerprint: request.fingerprint.to_owned(),
            owner: request.owner.to_owned(),
            lease: request.now.millis() + CLAIM_MILLIS,
            sent: request.safe,
            repeat_until: request.now.seconds() + REMEMBERED_SECONDS,
            expires_at: self.expires_at(request.key),
        };
        let answer = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row, Stage::Claim)?))
            .condition_expression("attribute_not_exists(pk) OR repeat_until < :now")
            .expression_attribute_values(":now", n(request.now.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let old: IdRow = match answer {
            Ok(_) => return Ok(IdClaim::Ours(request.key)),
            Err(e) => from_item(of_put(e, Stage::Claim).old()?, Stage::Claim)?,
        };
        if old.fingerprint != request.fingerprint {
            return Ok(IdClaim::Conflict);
        }
        if old.owner == request.owner {
            // Our own claim, whose answer was lost, or that of our own message's earlier life.
            return Ok(IdClaim::Ours(old.key));
        }
        if old.sent {
            return Ok(IdClaim::Done(old.key));
        }
        if Time::from_millis(old.lease) > request.now {
            return Ok(IdClaim::Busy);
        }
        self.take_over(&old, request).await
    }

    /// The earlier caller died between claim and send.
    async fn take_over(&self, old: &IdRow, request: &IdRequest<'_>) -> Result<IdClaim, Fault> {
        let answer = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("pk", s(&old.pk))
            .key("sk", s(&old.sk))
            .update_expression("SET #owner = :new, lease = :lease, sent = :sent")
            .condition_expression("#owner = :old AND lease = :seen AND sent = :unsent")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":new", s(request.owner))
            .expression_attribute_values(":old", s(&old.owner))
            .expression_attribute_values(":seen", n(old.lease))
            .expression_attribute_values(":lease", n(request.now.millis() + CLAIM_MILLIS))
            .expression_attribute_values(
                ":sent",
                aws_sdk_dynamodb::types::AttributeValue::Bool(request.safe),
            )
            .expression_attribute_values(
                ":unsent",
                aws_sdk_dynamodb::types::AttributeValue::Bool(false),
            )
            .send()
            .await;
        match answer.map_err(|e| of_update(e, Stage::Claim)) {
            Ok(_) => Ok(IdClaim::Ours(old.key)),
            // Another was faster; or it was ourselves, and the next look finds that out.
            Err(Refused::Condition(_)) => Ok(IdClaim::Busy),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }

    pub(super) async fn end_id_claim(
        &self,
        tenant: &TenantId,
        id: &EventId,
        owner: &str,
        sent: bool,
    ) -> Result<(), Fault> {
        let answer = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("pk", s(id_partition(tenant, id)))
            .key("sk", s("id"))
            .update_expression("SET sent = :sent, lease = :over")
            .condition_expression("#owner = :owner AND sent = :unsent")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(
                ":sent",
                aws_sdk_dynamodb::types::AttributeValue::Bool(sent),
            )
            .expression_attribute_values(
                ":unsent",
                aws_sdk_dynamodb::types::AttributeValue::Bool(false),
            )
            .expression_attribute_values(":over", n(0))
            .expression_attribute_values(":owner", s(owner))
            .send()
            .await;
        match answer.map_err(|e| of_update(e, Stage::Claim)) {
            // A condition that fails: marked already by a write whose answer was lost, or taken over by another, whose claim it is now.
            Ok(_) | Err(Refused::Condition(_)) => Ok(()),
            Err(Refused::Fault(fault)) => Err(fault),
        }
    }

    /// The event that a caller's own id stands for, while it is remembered. Half a read unit.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn event_of_id(
        &self,
        tenant: &TenantId,
        id: &EventId,
    ) -> Result<Option<Ulid>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(id_partition(tenant, id)))
            .key("sk", s("id"))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadLog, e))?;
        let row: Option<IdRow> = answer
            .item
            .map(|item| from_item(item, Stage::ReadLog))
            .transpose()?;
        Ok(row.map(|row| row.key))
    }
}
