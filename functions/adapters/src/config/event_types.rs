//! The operator's catalogue of event types.

use domain::event_type::EventType;
use domain::ports::{Fault, Stage};
use serde::{Deserialize, Serialize};

use super::ConfigTable;
use crate::aws_error::OrAwsFault as _;
use crate::delivery_store::Page;
use crate::dynamo::{Query, from_item, s, text, to_item};

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
    #[serde(flatten)]
    entry: CatalogueEntry,
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
    /// If the table does not answer.
    pub async fn put_event_type(&self, entry: &CatalogueEntry) -> Result<bool, Fault> {
        let row = Row {
            pk: TYPES.to_owned(),
            sk: entry.event_type.to_string(),
            entry: entry.clone(),
        };
        let answer = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row, Stage::WriteConfig)?))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .or_fault(Stage::WriteConfig)?;
        Ok(answer.attributes.is_none())
    }

    /// Deletes an entry. False if it does not exist.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_event_type(&self, event_type: &EventType) -> Result<bool, Fault> {
        let answer = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(TYPES))
            .key("sk", s(event_type.as_str()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .or_fault(Stage::WriteConfig)?;
        Ok(answer.attributes.is_some())
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
