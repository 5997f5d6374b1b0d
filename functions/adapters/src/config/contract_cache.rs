//! Contracts that a process has read. Without this cache, every snapshot would read one item of the
//! table for each webhook whose contract is the operator's own, and all tenants share that item: it
//! serves 3,000 reads a second.

use std::time::Duration;

use domain::contract::{Contract, builtin};
use domain::ports::Fault;

use super::ConfigTable;
use crate::cache::Cache;
use crate::clock::now;

/// The maximum number of cached contracts.
const MAX_CACHED: usize = 200;

/// Contracts by reference. A missing or unreadable one is not cached.
pub(super) struct ContractCache(Cache<String, Contract>);

impl ContractCache {
    /// Each contract is at most `max_age` old.
    pub(super) fn new(max_age: Duration) -> Self {
        Self(Cache::new(MAX_CACHED, max_age))
    }

    /// Of versions, which never change.
    pub(super) fn of_versions() -> Self {
        Self::new(Duration::MAX)
    }

    /// A contract that a webhook or an attempt refers to, deleted or not.
    pub(super) async fn contract(
        &self,
        table: &ConfigTable,
        reference: &str,
    ) -> Result<Option<Contract>, Fault> {
        if let Some(contract) = builtin(reference) {
            return Ok(Some(contract));
        }
        let read = async {
            let contract = table.read_contract(reference).await.map_err(Some)?;
            contract.ok_or(None)
        };
        match self.0.get_or_read(&reference.to_owned(), now, read).await {
            Ok(contract) => Ok(Some(contract)),
            Err(None) => Ok(None),
            Err(Some(fault)) => Err(fault),
        }
    }
}
