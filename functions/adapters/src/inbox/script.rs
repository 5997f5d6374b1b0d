//! An inbox's script and its count, in one row: one write of a dispatcher counts a request and
//! reads its response.

use std::time::Duration;

use domain::inbox::{Script, ScriptedResponse};
use domain::ports::{Fault, OrFault as _, Stage};
use domain::precondition::EntityTag;
use domain::tenant::Webhook;

use super::{InboxTable, partition, script_key};
use crate::aws_error::OrAwsFault as _;
use crate::clock::now;
use crate::dynamo::{Item, Update, from_json, n, number, s, text};

/// How long a script is kept after the last request and the last change.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The time to live of a row that is written now.
pub(super) fn gone() -> i64 {
    now().plus(KEPT).seconds()
}

/// The number of a request, and its response.
pub(super) struct Count {
    pub(super) number: u64,
    pub(super) response: ScriptedResponse,
}

/// The script of an inbox.
pub struct StoredScript {
    /// The script.
    pub script: Script,
    /// How often it was set.
    pub version: u64,
}

impl StoredScript {
    /// Its version as an entity tag.
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        EntityTag::new(self.version.to_string())
    }

    /// What replaces it.
    #[must_use]
    pub const fn next(&self, script: Script) -> Self {
        Self {
            script,
            version: self.version.saturating_add(1),
        }
    }
}

fn counter(row: &Item, name: &str) -> u64 {
    let value = number(row, name).and_then(|value| u64::try_from(value).ok());
    value.unwrap_or(0)
}

fn script(row: &Item) -> Result<Script, Fault> {
    let stored = text(row, "script").map(|json| from_json(json, Stage::ReadStore));
    Ok(stored.transpose()?.unwrap_or_default())
}

/// The count of a request, from the row before it.
pub(super) fn count(before: &Item) -> Result<Count, Fault> {
    let earlier = counter(before, "received");
    let since = earlier.saturating_sub(counter(before, "script_from"));
    Ok(Count {
        number: earlier.saturating_add(1),
        response: script(before)?.response(since),
    })
}

/// Replaces the script of the version before. Its first response goes to the next request.
pub(crate) fn script_update(
    inbox: &InboxTable,
    webhook: &Webhook,
    stored: &StoredScript,
) -> Result<Update, Fault> {
    let seen = stored.version.saturating_sub(1);
    let json = serde_json::to_string(&stored.script).or_bug(Stage::WriteConfig)?;
    let (pk, sk) = (partition(&webhook.tenant), script_key(webhook));
    let version = match seen {
        0 => "attribute_not_exists(script_version)",
        _ => "script_version = :seen",
    };
    let update = Update::existing_or_new(&inbox.table, pk, sk)
        .change(
            "SET script = :script, script_version = :next, script_from = if_not_exists(received, :zero), expires_at = :gone",
        )
        .only_if(version)
        .value(":script", s(json))
        .value(":next", n(stored.version))
        .value(":zero", n(0))
        .value(":gone", n(gone()));
    Ok(match seen {
        0 => update,
        _ => update.value(":seen", n(seen)),
    })
}

impl InboxTable {
    /// The script of a webhook's inbox.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn script(&self, webhook: &Webhook) -> Result<StoredScript, Fault> {
        let row = self.script_row(webhook).await?;
        Ok(StoredScript {
            script: script(&row)?,
            version: counter(&row, "script_version"),
        })
    }

    /// How many requests a webhook's inbox has received.
    pub(super) async fn received(&self, webhook: &Webhook) -> Result<u64, Fault> {
        let row = self.script_row(webhook).await?;
        Ok(counter(&row, "received"))
    }

    async fn script_row(&self, webhook: &Webhook) -> Result<Item, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(partition(&webhook.tenant)))
            .key("sk", s(script_key(webhook)))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadStore)?;
        Ok(answer.item.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_gets_the_response_that_is_due_since_the_script_was_set() {
        let response = |status, times| ScriptedResponse {
            status,
            times,
            ..ScriptedResponse::default()
        };
        let script = Script::new(vec![response(500, 2), response(201, 1)]).unwrap();
        let row = |received: i64| {
            Item::from([
                (
                    "script".to_owned(),
                    s(serde_json::to_string(&script).unwrap()),
                ),
                ("script_from".to_owned(), n(40)),
                ("received".to_owned(), n(received)),
            ])
        };
        for (received, status) in [(40, 500), (41, 500), (42, 201), (43, 201)] {
            let Count { number, response } = count(&row(received)).unwrap();
            assert_eq!(response.status, status, "{received}");
            assert_eq!(i64::try_from(number).unwrap(), received + 1);
        }
        let Count { number, response } = count(&Item::new()).unwrap();
        assert_eq!((number, response.status), (1, 200));
    }
}
