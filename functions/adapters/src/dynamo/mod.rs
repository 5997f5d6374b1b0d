//! What all tables have in common: rows, and the meaning of a failed condition.

mod author;
mod query;
mod update;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::format::{self, FORMAT_NAME};
use domain::json_error::about_row;
use domain::ports::{Fault, OrFault as _, Stage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::aws_error::aws_fault;

pub(crate) use author::{author_in, of_author};
pub(crate) use query::{MAX_BATCH, Query, RowKey, Rows, rows_of};
pub(crate) use update::Update;

/// One item.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A row as an item, without its absent values.
pub(crate) fn to_item<T: Serialize>(row: &T, stage: Stage) -> Result<Item, Fault> {
    let mut item: Item = serde_dynamo::to_item(row).or_bug(stage)?;
    item.retain(|_, value| !value.is_null());
    Ok(item)
}

/// An item as a row. An unreadable one is a permanent fault, as is one in a newer format.
#[expect(clippy::disallowed_methods, reason = "the one place it is for")]
pub(crate) fn from_item<T: DeserializeOwned>(item: Item, stage: Stage) -> Result<T, Fault> {
    if is_newer(&item) {
        return Err(format::newer(stage, "row"));
    }
    serde_dynamo::from_item(item).map_err(|e| Fault::corrupt(stage, about_row(&e)))
}

/// Whether an item is in a format that this version does not read.
fn is_newer(item: &Item) -> bool {
    match item.get(FORMAT_NAME) {
        None => false,
        Some(AttributeValue::N(number)) => !format::is_readable(number),
        Some(_) => true,
    }
}

/// A row's attribute that contains JSON.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(text: &'a str, stage: Stage) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|e| Fault::corrupt(stage, about_row(&e)))
}

/// A string value.
pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number value.
pub(crate) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The text of an item's attribute.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number of an item's attribute.
pub(crate) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A write's condition that did not hold, with the existing item
/// (`ReturnValuesOnConditionCheckFailure=ALL_OLD`). The item may be our own: DynamoDB answers so
/// when a first response was lost and the SDK wrote again.
pub(crate) enum WriteFailure {
    /// The condition did not hold.
    ConditionFailed(Option<Item>),
    /// Any other failure.
    Fault(Fault),
}

impl WriteFailure {
    /// The existing item.
    pub(crate) fn old(self) -> Result<Item, Fault> {
        match self {
            Self::ConditionFailed(item) => Ok(item.unwrap_or_default()),
            Self::Fault(fault) => Err(fault),
        }
    }
}

/// Whether a write was done: false if its condition did not hold.
pub(crate) fn condition_held<T>(written: Result<T, WriteFailure>) -> Result<bool, Fault> {
    match written {
        Ok(_) => Ok(true),
        Err(WriteFailure::ConditionFailed(_)) => Ok(false),
        Err(WriteFailure::Fault(fault)) => Err(fault),
    }
}

/// Interprets a failed put.
pub(crate) fn of_put(error: SdkError<PutItemError>, stage: Stage) -> WriteFailure {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(e)) => {
            WriteFailure::ConditionFailed(e.item.clone())
        }
        _ => WriteFailure::Fault(aws_fault(error, stage)),
    }
}

/// Interprets a failed update.
fn of_update(error: SdkError<UpdateItemError>, stage: Stage) -> WriteFailure {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(e)) => {
            WriteFailure::ConditionFailed(e.item.clone())
        }
        _ => WriteFailure::Fault(aws_fault(error, stage)),
    }
}

/// Whether an optimistic transaction was written. False if another caller wrote one of its items
/// since they were read, or is doing so now.
pub(crate) fn won<T>(
    sent: Result<T, SdkError<TransactWriteItemsError>>,
    stage: Stage,
) -> Result<bool, Fault> {
    let Err(error) = sent else { return Ok(true) };
    let lost =
        |code: Option<&str>| matches!(code, Some("ConditionalCheckFailed" | "TransactionConflict"));
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(e))
            if e.cancellation_reasons().iter().any(|r| lost(r.code())) =>
        {
            Ok(false)
        }
        _ => Err(aws_fault(error, stage)),
    }
}

/// The result of a transaction.
pub(crate) enum Transacted {
    /// All of it is written.
    Written,
    /// Nothing is written: the first part, from 0 on, whose condition did not hold, with the
    /// existing item.
    Refused(usize, Item),
}

/// Sends a transaction. The SDK repeats it if it meets another transaction (see `conflicts.rs`),
/// and gives each call a token, so that repeating a call whose response was lost has no second
/// effect.
pub(crate) async fn transact(
    dynamo: &Client,
    parts: Vec<TransactWriteItem>,
    stage: Stage,
) -> Result<Transacted, Fault> {
    let request = dynamo
        .transact_write_items()
        .set_transact_items(Some(parts));
    let Err(error) = Box::pin(request.send()).await else {
        return Ok(Transacted::Written);
    };
    if let Some(TransactWriteItemsError::TransactionCanceledException(e)) = error.as_service_error()
        && let Some((part, item)) = unmet(e)
    {
        return Ok(Transacted::Refused(part, item));
    }
    Err(aws_fault(error, stage))
}

/// The first part whose condition did not hold, with the existing item, even if an earlier part met
/// another caller's write.
fn unmet(cancelled: &TransactionCanceledException) -> Option<(usize, Item)> {
    let mut reasons = cancelled.cancellation_reasons().iter().enumerate();
    let (part, reason) =
        reasons.find(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))?;
    Some((part, reason.item.clone().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;

    use super::*;

    #[test]
    fn a_row_in_a_newer_format_is_not_read_although_its_attributes_are_known() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Row {
            name: String,
        }
        let read = |format: Option<AttributeValue>| {
            let mut item = Item::from([("name".to_owned(), s("a"))]);
            item.extend(format.map(|number| (FORMAT_NAME.to_owned(), number)));
            from_item::<Row>(item, Stage::ReadStore).map(|row| row.name)
        };
        assert_eq!(read(None).unwrap(), "a");
        assert_eq!(read(Some(n(1))).unwrap(), "a");
        for newer in [n(2), n(0), s("1"), AttributeValue::Null(true)] {
            assert!(read(Some(newer)).is_err_and(|fault| fault.is_newer()));
        }
    }

    #[test]
    fn a_condition_that_failed_is_the_answer_wherever_it_stands_among_the_reasons() {
        let part = |codes: &[&str]| {
            let reasons = codes
                .iter()
                .map(|code| CancellationReason::builder().code(*code).build());
            let cancelled = TransactionCanceledException::builder()
                .set_cancellation_reasons(Some(reasons.collect()));
            unmet(&cancelled.build()).map(|(part, _)| part)
        };
        assert_eq!(part(&["None", "ConditionalCheckFailed"]), Some(1));
        let both = ["TransactionConflict", "None", "ConditionalCheckFailed"];
        assert_eq!(part(&both), Some(2));
        assert_eq!(
            part(&["ConditionalCheckFailed", "TransactionConflict"]),
            Some(0)
        );
        assert_eq!(part(&["None", "TransactionConflict"]), None);
        assert_eq!(part(&[]), None);
    }
}
