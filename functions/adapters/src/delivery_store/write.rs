//! Creates events and deliveries, and ends leases.

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use domain::dead_letter::DeadLetter;
use domain::delivery::{Delivery, Status};
use domain::event::Event;
use domain::ids::{DeadLetterId, TenantId};
use domain::ports::{Fault, OrFault as _, Stage};
use domain::time::Time;
use domain::ulid::Ulid;

use super::attempts::write_attempt;
use super::lease::unleased;
use super::rows::{AttemptItem, DeliveryRow, EventRow};
use super::{DeliveryTable, DueShards, attempts_partition, delivery_key, partition};
use crate::aws_error::OrAwsFault as _;
use crate::clock::now;
use crate::dead_letters::{RedriveMark, mark_redriven, put_dead_letter};
use crate::dynamo::{
    Item, Transacted, Update, condition_held, from_item, n, of_put, s, text, to_item, transact,
};

const IS_NEW: &str = "attribute_not_exists(pk)";
const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

impl DeliveryTable {
    /// One write unit for each KB of the event and its inline outcomes.
    pub(super) async fn put_event(
        &self,
        event: &Event,
        inline: &[Delivery],
        owner: &str,
    ) -> Result<bool, Fault> {
        let row = EventRow::new(event, inline, owner, self.expires_at(event.key))?;
        let answer = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row, Stage::WriteOutcome)?))
            .condition_expression(IS_NEW)
            .return_values_on_condition_check_failure(ALL_OLD)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(e) => Ok(text(&of_put(e, Stage::WriteOutcome).old()?, "by") == Some(owner)),
        }
    }

    /// One write unit for each KB of the event: this is rare.
    pub(super) async fn require_lease_for_first_attempts(
        &self,
        tenant: &TenantId,
        event: Ulid,
        now: Time,
    ) -> Result<(), Fault> {
        let pk = partition(tenant, event);
        let noted = Update::existing(&self.table, pk, event.to_string())
            .change("SET again = if_not_exists(again, :now)")
            .value(":now", n(now.millis()))
            .send(&self.dynamo, Stage::WriteOutcome)
            .await;
        // Not held: its retention has passed, so it will not be found any more.
        condition_held(noted).map(drop)
    }

    /// One write unit for each KB; twice that, and the dead letter's, if it is given up at once.
    pub(super) async fn create_delivery(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> Result<bool, Fault> {
        let expires_at = self.delivery_expires_at(delivery);
        let item = to_item(
            &DeliveryRow::new(delivery, owner, expires_at, self.due_shards)?,
            Stage::WriteOutcome,
        )?;
        let before = match dead {
            None => {
                let put = self
                    .dynamo
                    .put_item()
                    .table_name(&self.table)
                    .set_item(Some(item))
                    .condition_expression(IS_NEW);
                match put
                    .return_values_on_condition_check_failure(ALL_OLD)
                    .send()
                    .await
                {
                    Ok(_) => return Ok(true),
                    Err(e) => of_put(e, Stage::WriteOutcome).old()?,
                }
            }
            Some(dead) => {
                let put = Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(item))
                    .condition_expression(IS_NEW)
                    .return_values_on_condition_check_failure(ALL_OLD)
                    .build()
                    .or_bug(Stage::WriteOutcome)?;
                let dead_letter = put_dead_letter(&self.dead_letters, dead, self.retention)?;
                let opened = TransactWriteItem::builder().put(put).build();
                match transact(&self.dynamo, vec![opened, dead_letter], Stage::WriteOutcome).await?
                {
                    Transacted::Written => return Ok(true),
                    Transacted::Refused(_, before) => before,
                }
            }
        };
        Ok(text(&before, "by") == Some(owner))
    }

    /// Ends a lease with one write: every further step after a POST can fail, and the POST is then
    /// repeated. One more write if another caller redrove the delivery or requested a manual
    /// attempt meanwhile.
    pub(super) async fn complete_attempt(
        &self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> Result<bool, Fault> {
        let (mut seen, mut next) = (before.clone(), after.clone());
        loop {
            let refused = match self.write_completion(&seen, &next, dead, owner).await? {
                None => return Ok(true),
                Some(item) => item,
            };
            if text(&refused, "lease_owner") != Some(owner) {
                // Our own earlier write, whose response was lost, removed the lease and set our
                // name as the writer.
                return Ok(text(&refused, "by") == Some(owner));
            }
            let row: DeliveryRow = from_item(refused, Stage::WriteOutcome)?;
            let current = unleased(row.read(&before.tenant)?);
            next = after.clone().rebased(before, &current);
            seen = current;
        }
    }

    /// Returns the conflicting item if the write was refused.
    async fn write_completion(
        &self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> Result<Option<Item>, Fault> {
        // A manual attempt delivered it: its dead letter must not be redriven any more.
        let resolved = before
            .dead_letter_id
            .filter(|_| after.dead_letter_id.is_none() && after.status == Status::Completed);
        let beside = match (dead, resolved) {
            (Some(dead), _) => Some(put_dead_letter(&self.dead_letters, dead, self.retention)?),
            (None, Some(id)) => Some(self.resolve(before, id)?),
            (None, None) => None,
        };
        if let Some(beside) = beside {
            let update = self
                .completion(before, after, owner)?
                .transacted(Stage::WriteOutcome)?;
            match transact(&self.dynamo, vec![update, beside], Stage::WriteOutcome).await? {
                Transacted::Written => return Ok(None),
                Transacted::Refused(0, item) => return Ok(Some(item)),
                // The dead letter was deleted: there is nothing to mark.
                Transacted::Refused(..) => {}
            }
        }
        let update = self.completion(before, after, owner)?;
        match update.send(&self.dynamo, Stage::WriteOutcome).await {
            Ok(()) => Ok(None),
            Err(refused) => refused.old().map(Some),
        }
    }

    fn resolve(&self, before: &Delivery, id: DeadLetterId) -> Result<TransactWriteItem, Fault> {
        mark_redriven(
            &self.dead_letters,
            Some(&before.tenant),
            id,
            now(),
            RedriveMark::Repeat,
        )
    }

    fn completion(
        &self,
        before: &Delivery,
        after: &Delivery,
        owner: &str,
    ) -> Result<Update, Fault> {
        let mut set = vec![
            "#st = :st",
            "seq = :seq",
            "made = :made",
            "attempts = :attempts",
            "expires_at = :gone",
            "#by = :owner",
        ];
        let mut remove = vec!["lease_owner", "lease_until", "begun"];
        let pk = partition(&before.tenant, before.id.event);
        let update = Update::existing(&self.table, pk, delivery_key(&before.id))
            .only_if("lease_owner = :owner AND seq = :seen")
            .value(":seen", n(before.sequence))
            .name("#st", "status")
            .name("#by", "by")
            .value(":owner", s(owner))
            .value(":st", s(after.status.as_str()))
            .value(":seq", n(after.sequence))
            .value(":made", n(after.attempts_this_round))
            .value(":attempts", n(after.attempt_count))
            .value(":gone", n(self.delivery_expires_at(after)));
        let mut update = match &before.pending_manual_token {
            Some(token) => update.only_if("manual = :token").value(":token", s(token)),
            None => update.only_if("attribute_not_exists(manual)"),
        };
        if before.erased_at.is_none() {
            // An erased response must not be written again.
            update = update.only_if("attribute_not_exists(erased_at)");
        }
        if let Some(at) = after.erased_at {
            set.push("erased_at = :erased");
            update = update.value(":erased", n(at.millis()));
        }
        for (name, assignment, placeholder, value) in optional(after, self.due_shards)? {
            match value {
                Some(value) => {
                    set.push(assignment);
                    update = update.value(placeholder, value);
                }
                None => remove.push(name),
            }
        }
        if before.pending_manual_token.is_some() && after.pending_manual_token.is_none() {
            remove.push("manual");
        }
        Ok(update.change(format!(
            "SET {} REMOVE {}",
            set.join(", "),
            remove.join(", ")
        )))
    }

    /// Copies a leased delivery's last attempt to its earlier ones, where the next one does not
    /// replace it. Repeating the write changes nothing.
    pub(super) async fn archive_last_attempt(&self, delivery: &Delivery) -> Result<(), Fault> {
        let Some(attempt) = &delivery.last_attempt else {
            return Ok(());
        };
        let row = AttemptItem {
            pk: attempts_partition(&delivery.tenant, delivery.id.event),
            sk: format!("{}#{:05}", delivery.id.webhook, attempt.number),
            attempt: write_attempt(attempt, delivery.id.event)?,
            expires_at: self.expires_at(delivery.id.event),
        };
        let item = to_item(&row, Stage::WriteOutcome)?;
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        put.send().await.map(|_| ()).or_fault(Stage::WriteOutcome)
    }
}

/// Name, assignment, placeholder, and the value; without a value the attribute is removed.
type Optional = (
    &'static str,
    &'static str,
    &'static str,
    Option<AttributeValue>,
);

fn optional(after: &Delivery, shards: DueShards) -> Result<[Optional; 8], Fault> {
    let latest = after
        .last_attempt
        .as_ref()
        .map(|attempt| write_attempt(attempt, after.id.event))
        .transpose()?;
    // A pending manual attempt is due as well: its message may be lost.
    let waits = after.pending_manual_token.as_ref().map(|_| now());
    let look = after.next_attempt_at.or(waits).map(|at| n(at.millis()));
    let shard = look.as_ref().map(|_| s(shards.of(after.id.event)));
    let due = after.next_attempt_at.map(|due| n(due.millis()));
    let lost = (after.lost.count > 0).then(|| n(after.lost.count));
    let lost_at = after.lost.at.map(|at| n(at.millis()));
    let reason = after.reason.map(|reason| s(reason.as_str()));
    let dead = after.dead_letter_id.map(|id| s(id.0.to_string()));
    Ok([
        ("latest", "latest = :latest", ":latest", latest.map(s)),
        ("due", "due = :due", ":due", due),
        ("due_shard", "due_shard = :shard", ":shard", shard),
        ("due_at", "due_at = :due_at", ":due_at", look),
        ("lost", "lost = :lost", ":lost", lost),
        ("lost_at", "lost_at = :lost_at", ":lost_at", lost_at),
        ("reason", "reason = :reason", ":reason", reason),
        ("dead", "dead = :dead", ":dead", dead),
    ])
}
