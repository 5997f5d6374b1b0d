//! The config table: tenants, webhooks, API keys, sessions.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `tenant#<tenant>` | `tenant` | the tenant |
//! | `tenant#<tenant>` | `webhook#<webhook>` | a webhook |
//! | `tenants` | `<time>#<tenant>` | the tenant's entry in the operator's list |
//! | `keys#<tenant>` | `keys` | which API keys the tenant has, and until when |
//! | `key#<key id>` | `key` | an API key |
//! | `sessions#<tenant>` | `<session id>` | a session; of the operator without a tenant |
//! | `count#<tenant>` | `webhooks` | how many webhooks the tenant has |
//! | `requests#<tenant>` | `<minute>` | how many requests the tenant made, kept for an hour |
//! | `tests#<tenant>` | `under-way` | the tenant's running test events, kept for an hour |
//! | `contracts` | `<name>`, `~<name>@<version>` | an operator's contract, its current state and its versions |
//! | `event-types` | `<type>` | an entry of the catalogue |
//!
//! One query reads everything that the dispatcher needs of a tenant. The first limit at scale: the
//! list of tenants is one partition, good for 1,000 new tenants a second.
//!
//! Only [`Authority`] writes rows below a tenant, and they are deleted with the tenant: see
//! `tenants.rs`, deletion.

mod audience;
mod authority;
mod cache;
mod changes;
mod contract_cache;
mod contracts;
mod event_types;
mod inbox;
mod keys;
mod places;
mod preconditions;
mod requests;
mod rows;
mod sessions;
mod snapshot;
mod tenants;
mod test_leases;
mod troubled;
mod webhooks;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::ids::TenantId;
use domain::ports::{Fault, Stage};
use serde::de::DeserializeOwned;

use self::contract_cache::ContractCache;
use self::rows::CONTENT;
use crate::clients;
use crate::dynamo::{Item, from_item, text};

pub use audience::Audience;
pub use authority::{Authority, ChildWrite};
pub use cache::ConfigCache;
pub(crate) use changes::change;
pub use event_types::CatalogueEntry;
pub use keys::KeyPlace;
pub use tenants::place_in_list;

/// A resource, and the fingerprint of the request that created it, if that may be repeated.
#[derive(Clone, Debug)]
pub struct Created<T> {
    /// Its current state.
    pub resource: T,
    /// The fingerprint.
    pub content: Option<String>,
}

impl<T> Created<T> {
    /// Reads a row.
    fn read<Row: DeserializeOwned + Into<T>>(item: Item) -> Result<Self, Fault> {
        let content = text(&item, CONTENT).map(str::to_owned);
        let row: Row = from_item(item, Stage::ReadConfig)?;
        Ok(Self {
            resource: row.into(),
            content,
        })
    }
}

/// The result of writing a complete item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Created,
    /// It replaced an existing item.
    Replaced,
    /// Nothing is written: another caller wrote it since it was read.
    Overtaken,
}

/// The config table.
pub struct ConfigTable {
    dynamo: Client,
    table: String,
    /// Versions of contracts, for readers of attempts.
    versions: ContractCache,
}

impl ConfigTable {
    /// From an AWS configuration and the table's name.
    #[must_use]
    pub fn new(aws: &SdkConfig, table: String) -> Self {
        Self {
            dynamo: clients::dynamodb(aws),
            table,
            versions: ContractCache::of_versions(),
        }
    }
}

fn tenant_partition(tenant: &TenantId) -> String {
    format!("tenant#{tenant}")
}
