//! The operator's catalogue of event types.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::event_type::EventType;
use domain::ports::{Fault, Stage};
use domain::precondition::{EntityTag, Precondition};
use domain::rejection::Rejection;
use domain::versions::tag_of_content;
use serde::{Deserialize, Serialize};

use super::ConfigTable;
use super::preconditions::{Condition, condition};
use crate::aws_error::{OrAwsFault as _, aws_fault};
use crate::delivery_store::Page;
use crate::dynamo::{Item, Query, from_item, s, text, to_item};

const TYPES: &str = "event-types";

/// An entry of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// The type.
    pub event_type: EventType,
    /// Display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The group in which it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Raw JSON of a typical `data`: the content of a test event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    /// What [`CatalogueEntry::tag`] was when the row was written: a write compares it.
    #[serde(default)]
    version_tag: String,
    #[serde(flatten)]
    entry: CatalogueEntry,
}

impl CatalogueEntry {
    /// Its version.
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        let texts = [&self.name, &self.description, &self.group, &self.example];
        let texts = texts.into_iter().map(Option::as_deref);
        tag_of_content([Some(self.event_type.as_str())].into_iter().chain(texts))
    }
}

/// The condition of a write, and the values of its placeholders.
fn conditions(precondition: &Precondition) -> (Option<String>, Option<Item>) {
    let version = |tag: &str| Some([("version_tag", s(tag))]);
    match condition(precondition, version) {
        Some(Condition { expression, values }) => (Some(expression), values),
        None => (None, None),
    }
}

impl ConfigTable {
    /// One entry.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn event_type(
        &self,
        event_type: &EventType,
    ) -> Result<Option<CatalogueEntry>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(TYPES))
            .key("sk", s(event_type.as_str()))
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        answer
            .item
            .map(|item| from_item::<Row>(item, Stage::ReadConfig).map(|row| row.entry))
            .transpose()
    }

    /// Writes an entry. True if it is new.
    ///
    /// # Errors
    /// If the table does not answer. Inside: if the precondition does not hold.
    pub async fn put_event_type(
        &self,
        entry: &CatalogueEntry,
        precondition: &Precondition,
    ) -> Result<Result<bool, Rejection>, Fault> {
        let (expression, values) = conditions(precondition);
        let row = Row {
            pk: TYPES.to_owned(),
            sk: entry.event_type.to_string(),
            version_tag: entry.tag().as_str().to_owned(),
            entry: entry.clone(),
        };
        let answer = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row, Stage::WriteConfig)?))
            .set_condition_expression(expression)
            .set_expression_attribute_values(values)
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Ok(answer.attributes.is_none())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => {
                    Ok(Err(Precondition::failed()))
                }
                _ => Err(aws_fault(error, Stage::WriteConfig)),
            },
        }
    }

    /// Deletes an entry. False if it does not exist.
    ///
    /// # Errors
    /// If the table does not answer. Inside: if the precondition does not hold.
    pub async fn delete_event_type(
        &self,
        event_type: &EventType,
        precondition: &Precondition,
    ) -> Result<Result<bool, Rejection>, Fault> {
        let (expression, values) = conditions(precondition);
        let answer = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(TYPES))
            .key("sk", s(event_type.as_str()))
            .set_condition_expression(expression)
            .set_expression_attribute_values(values)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Ok(answer.attributes.is_some())),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(refused)) => {
                    // What does not exist is not found, whatever was expected of it.
                    let is_there = refused.item().is_some_and(|item| !item.is_empty());
                    Ok(match is_there {
                        true => Err(Precondition::failed()),
                        false => Ok(false),
                    })
                }
                _ => Err(aws_fault(error, Stage::WriteConfig)),
            },
        }
    }

    /// A page of the catalogue, by type: at most a megabyte. `cursor` is the last type of the
    /// previous page.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn event_types(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<CatalogueEntry>, Fault> {
        let found = Query::new(&self.table, "pk = :pk AND sk > :after")
            .value(":pk", s(TYPES))
            // A key cannot be empty; this one sorts before every type.
            .value(":after", s(cursor.unwrap_or("!")))
            .consistent()
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .page(&self.dynamo, Stage::ReadConfig)
            .await?;
        let next = found.next.as_ref().and_then(|key| text(key, "sk"));
        let next = next.map(str::to_owned);
        let read = |item| from_item::<Row>(item, Stage::ReadConfig).map(|row| row.entry);
        let items = found.rows.readable(read);
        Ok(Page { items, next })
    }
}
