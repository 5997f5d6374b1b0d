//! Receives a request: counts it, stores it, and waits as the script says.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::inbox::{InboxRequest, ScriptedResponse};
use domain::outcome::{Outcome, OutgoingRequest};
use domain::ports::{AttemptContext, Clock as _, Fault, Stage};
use domain::tenant::Webhook;

use super::script::{Count, count};
use super::{InboxTable, partition, rows, script_key};
use crate::clock::{SystemClock, now};
use crate::dynamo::{Update, condition_held, n, of_put};
use crate::egress::outcome_of;

const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

impl InboxTable {
    /// Receives a request. The caller bounds the wait for the response.
    pub(super) async fn receive(
        &self,
        request: &OutgoingRequest,
        attempt: &AttemptContext<'_>,
    ) -> Result<Outcome, Fault> {
        let received_at = now();
        let Count { number, response } = self.count(attempt.webhook).await?;
        let id = (number, SystemClock.new_ulid());
        let received = InboxRequest::arrived(id, received_at, request, attempt, &response);
        // Before the wait, so that it can be seen at once.
        self.put(&received, attempt.webhook).await?;
        SystemClock.sleep(response.delay()).await;
        let ScriptedResponse {
            status,
            headers,
            body,
            ..
        } = &response;
        Ok(outcome_of(*status, headers, body))
    }

    /// Counts a request, and returns its response. One write, so that of several dispatchers each
    /// gets another number and another response of the script. If the answer to that write is lost,
    /// the SDK repeats it: a number and a response are then skipped.
    async fn count(&self, webhook: &Webhook) -> Result<Count, Fault> {
        let (pk, sk) = (partition(&webhook.tenant), script_key(webhook));
        let counted = Update::existing_or_new(&self.table, pk, sk)
            .change("SET expires_at = :gone ADD received :one")
            .value(":one", n(1))
            .value(":gone", n(super::script::gone()))
            .replace(&self.dynamo, Stage::WriteOutcome)
            .await;
        match counted {
            Ok(before) => count(&before),
            Err(refused) => count(&refused.old()?),
        }
    }

    async fn put(&self, request: &InboxRequest, webhook: &Webhook) -> Result<(), Fault> {
        let sent = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(rows::write(request, webhook)?))
            // Another dispatcher may be a hundred requests ahead.
            .condition_expression("attribute_not_exists(pk) OR seq < :seq")
            .expression_attribute_values(":seq", n(request.number))
            .return_values_on_condition_check_failure(ALL_OLD)
            .send();
        let written = Box::pin(sent).await;
        condition_held(written.map_err(|e| of_put(e, Stage::WriteOutcome))).map(drop)
    }
}
