//! What all tables have in common: rows, and what a failed condition means.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::{Fault, Stage};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One item.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A row as an item.
pub(crate) fn to_item<T: Serialize>(row: &T, stage: Stage) -> Result<Item, Fault> {
    serde_dynamo::to_item(row).map_err(|e| Fault::new(stage, e))
}

/// An item as a row.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item, stage: Stage) -> Result<T, Fault> {
    serde_dynamo::from_item(item).map_err(|e| Fault::new(stage, e))
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

/// A write's condition that did not hold, with the item that it met (`ReturnValuesOnConditionCheckFailure=ALL_OLD`). It may be our own: DynamoDB
/// answers so when a first answer was lost and the SDK wrote again.
pub(crate) enum Refused {
    /// The condition did not hold.
    Condition(Option<Item>),
    /// Anything else.
    Fault(Fault),
}

impl Refused {
    /// The item that stood in the way.
    pub(crate) fn old(self) -> Result<Item, Fault> {
        match self {
            Self::Condition(item) => Ok(item.unwrap_or_default()),
            Self::Fault(fault) => Err(fault),
        }
    }
}

/// Reads a failed put.
pub(crate) fn of_put(error: SdkError<PutItemError>, stage: Stage) -> Refused {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(e)) => {
            Refused::Condition(e.item.clone())
        }
        _ => Refused::Fault(Fault::new(stage, error)),
    }
}

/// Reads a failed update.
pub(crate) fn of_update(error: SdkError<UpdateItemError>, stage: Stage) -> Refused {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(e)) => {
            Refused::Condition(e.item.clone())
        }
        _ => Refused::Fault(Fault::new(stage, error)),
    }
}

/// Reads a failed transaction. The first action's condition is the one that counts; if only a later one failed, or two transactions met, it is a
/// fault, and the message comes back.
pub(crate) fn of_transaction(error: SdkError<TransactWriteItemsError>, stage: Stage) -> Refused {
    if let Some(TransactWriteItemsError::TransactionCanceledException(e)) = error.as_service_error()
        && let Some(first) = e.cancellation_reasons().first()
        && first.code() == Some("ConditionalCheckFailed")
    {
        return Refused::Condition(first.item.clone());
    }
    Refused::Fault(Fault::new(stage, error))
}
