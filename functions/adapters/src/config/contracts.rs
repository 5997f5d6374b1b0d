//! The operator's own contracts. Each change is stored as a version, so that an attempt can be
//! shown as it was made.

use aws_sdk_dynamodb::types::{Put, ReturnValue, TransactWriteItem};
use domain::contract::{Contract, builtin};
use domain::ports::{Fault, OrFault as _, Stage};
use domain::precondition::{EntityTag, Precondition};
use domain::rejection::Rejection;
use domain::versions::tag_of_number;
use serde::{Deserialize, Serialize};

use super::{ConfigTable, Written};
use crate::aws_error::OrAwsFault as _;
use crate::delivery_store::Page;
use crate::dynamo::{Item, Query, from_item, from_json, n, s, text, to_item, won};

const CONTRACTS: &str = "contracts";
/// The maximum number of reads for one page of the list. Each reads at most a megabyte.
const MAX_ROUNDS: usize = 12;
const AT_ONCE: i32 = 100;
/// The prefix of the sort keys of versions: it sorts after every name, so a list of the current
/// contracts reads none of the versions.
const VERSION: &str = "~";

/// The sort key of a current contract (its name), or of one of its versions (`name@version`).
fn key_of(reference: &str) -> String {
    match reference.split_once('@') {
        // Padded so that they sort as the numbers do.
        Some((name, version)) => format!("{VERSION}{name}@{version:0>10}"),
        None => reference.to_owned(),
    }
}

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    /// The contract's JSON: the same form in the file, in the API and here.
    json: String,
    version: u32,
    /// No longer offered; webhooks that use it keep it.
    #[serde(default)]
    deleted: bool,
}

impl Row {
    fn tag(&self) -> EntityTag {
        tag_of_number(self.version)
    }

    fn read(&self) -> Result<Contract, Fault> {
        let mut contract: Contract = from_json(&self.json, Stage::ReadConfig)?;
        contract.version = self.version;
        Ok(contract)
    }
}

fn versioned(contract: &Contract, sk: String, deleted: bool) -> Result<Item, Fault> {
    let json = serde_json::to_string(contract).or_bug(Stage::WriteConfig)?;
    to_item(
        &Row {
            pk: CONTRACTS.to_owned(),
            sk,
            json,
            version: contract.version,
            deleted,
        },
        Stage::WriteConfig,
    )
}

impl ConfigTable {
    async fn contract_row(&self, reference: &str) -> Result<Option<Row>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", s(CONTRACTS))
            .key("sk", s(key_of(reference)))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        answer
            .item
            .map(|item| from_item(item, Stage::ReadConfig))
            .transpose()
    }

    /// A contract that webhooks may choose, built in or the operator's own.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn contract(&self, name: &str) -> Result<Option<Contract>, Fault> {
        if let Some(contract) = builtin(name) {
            return Ok(Some(contract));
        }
        self.contract_row(name)
            .await?
            .filter(|row| !row.deleted)
            .map(|row| row.read())
            .transpose()
    }

    /// A contract that a webhook or an attempt refers to, deleted or not. A version is read once
    /// per process.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn contract_of(&self, reference: &str) -> Result<Option<Contract>, Fault> {
        if reference.contains('@') {
            return self.versions.contract(self, reference).await;
        }
        self.read_contract(reference).await
    }

    pub(super) async fn read_contract(&self, reference: &str) -> Result<Option<Contract>, Fault> {
        if let Some(contract) = builtin(reference) {
            return Ok(Some(contract));
        }
        self.contract_row(reference)
            .await?
            .map(|row| row.read())
            .transpose()
    }

    /// Writes an operator's contract as its next version.
    ///
    /// # Errors
    /// If the table does not answer. Inside: if the precondition does not hold.
    pub async fn put_contract(
        &self,
        contract: &mut Contract,
        precondition: &Precondition,
    ) -> Result<Result<Written, Rejection>, Fault> {
        let before = self.contract_row(&contract.name).await?;
        let offered = before.as_ref().filter(|row| !row.deleted);
        if let Err(refusal) = precondition.check(offered.map(Row::tag).as_ref()) {
            return Ok(Err(refusal));
        }
        let last = match &before {
            Some(row) => row.version,
            None => self.last_version(&contract.name).await?,
        };
        contract.version = last.saturating_add(1);
        let is_written = self
            .write_contract(contract, before.as_ref(), false)
            .await?;
        Ok(Ok(match is_written {
            false => Written::Overtaken,
            true if before.is_none_or(|row| row.deleted) => Written::Created,
            true => Written::Replaced,
        }))
    }

    /// The number of the last stored version of a contract, 0 if there is none. If the contract
    /// could not be read and was deleted, its versions are still referred to by attempts in the
    /// log.
    async fn last_version(&self, name: &str) -> Result<u32, Fault> {
        let kept = Query::new(&self.table, "pk = :pk AND begins_with(sk, :versions)")
            .value(":pk", s(CONTRACTS))
            .value(":versions", s(format!("{VERSION}{name}@")))
            .newest_first()
            .consistent()
            .limit(1)
            .page(&self.dynamo, Stage::ReadConfig)
            .await?;
        let keys = kept.rows.keys();
        let number = keys.first().and_then(|(_, sk)| sk.rsplit_once('@'));
        Ok(number.map_or(0, |(_, number)| number.parse().unwrap_or(u32::MAX)))
    }

    /// Withdraws an operator's contract; webhooks that use it keep it. A contract that cannot be
    /// read is deleted, since no webhook can use it. `None` if it does not exist, false if another
    /// caller wrote it at the same time.
    ///
    /// # Errors
    /// If the table does not answer. Inside: if the precondition does not hold.
    pub async fn delete_contract(
        &self,
        name: &str,
        precondition: &Precondition,
    ) -> Result<Result<Option<bool>, Rejection>, Fault> {
        let row = match self.contract_row(name).await {
            Ok(Some(row)) if row.deleted => return Ok(Ok(None)),
            Ok(Some(row)) => Some(row),
            Ok(None) => return Ok(Ok(None)),
            Err(fault) if fault.is_corrupt() => None,
            Err(fault) => return Err(fault),
        };
        if let Err(refusal) = precondition.check(row.as_ref().map(Row::tag).as_ref()) {
            return Ok(Err(refusal));
        }
        let readable = match &row {
            Some(row) => match row.read() {
                Ok(contract) => Some((row, contract)),
                Err(fault) if fault.is_corrupt() => None,
                Err(fault) => return Err(fault),
            },
            None => None,
        };
        let is_deleted = match readable {
            Some((row, contract)) => self.write_contract(&contract, Some(row), true).await?,
            None => self.drop_contract(name).await?,
        };
        Ok(Ok(Some(is_deleted)))
    }

    /// Deletes a contract's row. False if it does not exist.
    async fn drop_contract(&self, name: &str) -> Result<bool, Fault> {
        let answer = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(CONTRACTS))
            .key("sk", s(key_of(name)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .or_fault(Stage::WriteConfig)?;
        Ok(answer.attributes.is_some())
    }

    /// False if another caller wrote it since `before` was read.
    async fn write_contract(
        &self,
        contract: &Contract,
        before: Option<&Row>,
        deleted: bool,
    ) -> Result<bool, Fault> {
        let current = Put::builder()
            .table_name(&self.table)
            .set_item(Some(versioned(contract, contract.name.clone(), deleted)?));
        let current = match before {
            None => current.condition_expression("attribute_not_exists(pk)"),
            Some(row) => current
                .condition_expression("version = :seen")
                .expression_attribute_values(":seen", n(row.version)),
        };
        let kept = Put::builder()
            .table_name(&self.table)
            .set_item(Some(versioned(
                contract,
                key_of(&contract.reference()),
                deleted,
            )?));
        let sent = self
            .dynamo
            .transact_write_items()
            .transact_items(
                TransactWriteItem::builder()
                    .put(current.build().or_bug(Stage::WriteConfig)?)
                    .build(),
            )
            .transact_items(
                TransactWriteItem::builder()
                    .put(kept.build().or_bug(Stage::WriteConfig)?)
                    .build(),
            )
            .send()
            .await;
        won(sent, Stage::WriteConfig)
    }

    /// A page of the operator's own contracts, by name: at most a megabyte. `cursor` is the last
    /// name of the previous page.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn contracts(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Contract>, Fault> {
        let mut items = Vec::new();
        let mut next = cursor.map(str::to_owned);
        // Deleted contracts are read as well, so a page may need several reads or be short.
        for _ in 0..MAX_ROUNDS {
            // "!" sorts before all characters of a name.
            let from = format!("{}!", next.unwrap_or_default());
            let found = Query::new(&self.table, "pk = :pk AND sk BETWEEN :from AND :versions")
                .value(":pk", s(CONTRACTS))
                .value(":from", s(from))
                .value(":versions", s(VERSION))
                .consistent()
                .limit(AT_ONCE)
                .page(&self.dynamo, Stage::ReadConfig)
                .await?;
            let last = found.next.as_ref().and_then(|key| text(key, "sk"));
            next = last.map(str::to_owned);
            let read = |item| {
                let row: Row = from_item(item, Stage::ReadConfig)?;
                (!row.deleted).then(|| row.read()).transpose()
            };
            items.extend(found.rows.readable(read).into_iter().flatten());
            if items.len() > limit {
                items.truncate(limit);
                next = items
                    .last()
                    .map(|contract: &Contract| contract.name.clone());
            }
            if next.is_none() || items.len() >= limit {
                break;
            }
        }
        Ok(Page { items, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_after_every_name_and_among_themselves() {
        let mut keys = ["acme@9", "acme", "zz-9", "acme@10", "acme-2@1"].map(key_of);
        keys.sort();
        let versions = ["~acme-2@0000000001", "~acme@0000000009", "~acme@0000000010"];
        assert_eq!(keys[..2], ["acme", "zz-9"]);
        assert_eq!(keys[2..], versions);
    }
}
