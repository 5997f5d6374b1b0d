//! The config table: tenants, webhooks, API keys.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `tenant#<tenant>` | `tenant` | the tenant |
//! | `tenant#<tenant>` | `webhook#<webhook>` | a webhook |
//! | `tenants` | `<time>#<tenant>` | the tenant's place in the operator's list |
//! | `keys#<tenant>` | `<time>#<key id>` | an API key's place in its tenant's list |
//! | `key#<key id>` | `key` | an API key |
//!
//! One query reads all that the dispatcher needs of a tenant. What breaks first: the list of tenants is one partition, good for 1,000 new tenants a
//! second.

mod directory;
mod keys;
mod rows;
mod tenants;
mod webhooks;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::ids::TenantId;

pub use directory::DynamoDirectory;
pub use tenants::TenantPut;

/// The config table.
pub struct ConfigTable {
    dynamo: Client,
    table: String,
}

impl ConfigTable {
    /// Over a configuration.
    #[must_use]
    pub fn new(aws: &SdkConfig, table: String) -> Self {
        Self {
            dynamo: Client::new(aws),
            table,
        }
    }
}

fn tenant_partition(tenant: &TenantId) -> String {
    format!("tenant#{tenant}")
}
