//! Batches of a table's stream from Lambda, the changes in them, and the response that says where
//! Lambda continues.

use std::collections::HashMap;

use domain::operational_event::Change;
use domain::ports::{Fault, Stage};
use domain::time::Time;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use crate::dynamo::{Item, RowKey, text};
use crate::{config, dead_letters};

/// A batch of records, in the order in which the rows were written.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// The records.
    #[serde(rename = "Records", default)]
    pub records: Vec<Record>,
}

/// One record: a row before and after a write.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Unique among the records of all streams (Amazon DynamoDB Streams API, `Record`).
    #[serde(rename = "eventID")]
    pub id: String,
    #[serde(rename = "eventSourceARN")]
    stream: String,
    dynamodb: Images,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    /// Seconds, with or without a fraction.
    approximate_creation_date_time: f64,
    sequence_number: String,
    #[serde(default)]
    old_image: Option<HashMap<String, AttributeValue>>,
    #[serde(default)]
    new_image: Option<HashMap<String, AttributeValue>>,
}

/// The tables whose streams are read.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The config table's name.
    pub config: String,
    /// The dead-letter table's name.
    pub dead_letters: String,
}

impl Record {
    /// When the row was written.
    #[must_use]
    pub fn time(&self) -> Time {
        let millis = self.dynamodb.approximate_creation_date_time * 1000.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast from a float saturates, and milliseconds are whole"
        )]
        Time::from_millis(millis.round() as i64)
    }

    /// Its place in its shard.
    #[must_use]
    pub fn sequence_number(&self) -> &str {
        &self.dynamodb.sequence_number
    }

    /// The change, if it may be of interest to the operator. A row that cannot be read is reported
    /// and is none: reading it again would not help, and the records behind it must not wait.
    ///
    /// # Errors
    /// A stream that is not one of these tables': the function has a wrong setting.
    pub fn change(self, tables: &Tables) -> Result<Option<Change>, Fault> {
        let table = table_of(&self.stream);
        let (before, after) = (item(self.dynamodb.old_image), item(self.dynamodb.new_image));
        let place = after.as_ref().or(before.as_ref()).map(RowKey::of);
        let change = match table {
            Some(name) if name == tables.config => config::change(before, after),
            Some(name) if name == tables.dead_letters => dead_letters::change(before, after),
            _ => {
                let why = format!("{} is the stream of no table of ours", self.stream);
                return Err(Fault::transient(Stage::ReadMessage, why));
            }
        };
        Ok(change.unwrap_or_else(|_| {
            if let Some(place) = place {
                place.tell();
            }
            None
        }))
    }
}

/// The partition key and the sort key of a row.
pub(crate) fn keys_of(item: &Item) -> (&str, &str) {
    let key = |name| text(item, name).unwrap_or_default();
    (key("pk"), key("sk"))
}

/// The table in a stream's ARN, `arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>`.
fn table_of(stream: &str) -> Option<&str> {
    stream.split_once(":table/")?.1.split('/').next()
}

fn item(image: Option<HashMap<String, AttributeValue>>) -> Option<Item> {
    let values = image?.into_iter();
    Some(values.map(|(name, value)| (name, value.into())).collect())
}

/// The response: Lambda continues with this record and repeats those behind it, or with the next
/// batch (AWS Lambda Developer Guide, "Configuring partial batch response with DynamoDB and
/// Lambda").
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamResponse {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl StreamResponse {
    /// Everything from this sequence number on comes back.
    #[must_use]
    pub fn from(sequence_number: String) -> Self {
        Self {
            batch_item_failures: vec![Failure {
                item_identifier: sequence_number,
            }],
        }
    }
}

#[cfg(test)]
mod tests;
