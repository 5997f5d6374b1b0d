//! Contracts that an operator added. Each change is kept as a version of its own, so that an attempt can be shown as it was made.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::contract::{Contract, builtin};
use domain::ports::{Fault, Stage};
use serde::{Deserialize, Serialize};

use super::{ConfigTable, Written};
use crate::dynamo::{Item, from_item, n, s, to_item, won};

const CONTRACTS: &str = "contracts";

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    /// The contract's JSON: one shape in the file, in the API and here.
    json: String,
    version: u32,
    /// Not offered any more; webhooks that have it keep it.
    #[serde(default)]
    deleted: bool,
}

impl Row {
    fn read(&self) -> Result<Contract, Fault> {
        let mut contract: Contract =
            serde_json::from_str(&self.json).map_err(|e| Fault::new(Stage::Corrupt, e))?;
        contract.version = self.version;
        Ok(contract)
    }
}

fn versioned(contract: &Contract, sk: String, deleted: bool) -> Result<Item, Fault> {
    let json = serde_json::to_string(contract).map_err(|e| Fault::new(Stage::WriteConfig, e))?;
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
            .key("sk", s(reference))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Fault::new(Stage::ReadConfig, e))?;
        answer
            .item
            .map(|item| from_item(item, Stage::ReadConfig))
            .transpose()
    }

    /// A contract that can be chosen, built in or added.
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

    /// A contract as a webhook or an attempt refers to it, deleted or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn contract_of(&self, reference: &str) -> Result<Option<Contract>, Fault> {
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
    /// If the table does not answer.
    pub async fn put_contract(&self, contract: &mut Contract) -> Result<Written, Fault> {
        let before = self.contract_row(&contract.name).await?;
        contract.version = before
            .as_ref()
            .map_or(1, |row| row.version.saturating_add(1));
        Ok(
            match self
                .write_contract(contract, before.as_ref(), false)
                .await?
            {
                false => Written::Overtaken,
                true if before.is_none_or(|row| row.deleted) => Written::Created,
                true => Written::Replaced,
            },
        )
    }

    /// Takes an operator's contract out of the choice. None if there is none, false if somebody else wrote it at the same time.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_contract(&self, name: &str) -> Result<Option<bool>, Fault> {
        let Some(row) = self.contract_row(name).await?.filter(|row| !row.deleted) else {
            return Ok(None);
        };
        let done = self.write_contract(&row.read()?, Some(&row), true).await?;
        Ok(Some(done))
    }

    /// False if somebody else wrote it since `before` was read.
    async fn write_contract(
        &self,
        contract: &Contract,
        before: Option<&Row>,
        deleted: bool,
    ) -> Result<bool, Fault> {
        let fault = |e: aws_sdk_dynamodb::error::BuildError| Fault::new(Stage::WriteConfig, e);
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
            .set_item(Some(versioned(contract, contract.reference(), deleted)?));
        let sent = self
            .dynamo
            .transact_write_items()
            .transact_items(
                TransactWriteItem::builder()
                    .put(current.build().map_err(fault)?)
                    .build(),
            )
            .transact_items(
                TransactWriteItem::builder()
                    .put(kept.build().map_err(fault)?)
                    .build(),
            )
            .send()
            .await;
        won(sent, Stage::WriteConfig)
    }

    /// All contracts that an operator added. There are few.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn contracts(&self) -> Result<Vec<Contract>, Fault> {
        let read = |item| {
            let row: Row = from_item(item, Stage::ReadConfig)?;
            let is_offered = !row.deleted && !row.sk.contains('@');
            is_offered.then(|| row.read()).transpose()
        };
        let found = self.whole_partition(CONTRACTS, read).await?;
        Ok(found.into_iter().flatten().collect())
    }
}
