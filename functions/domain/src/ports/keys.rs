//! What is known of keys.

use std::future::Future;

use super::Fault;
use crate::api_key::ApiKey;
use crate::ids::KeyId;
use crate::time::Time;

/// The keys that open the HTTP API.
pub trait Keys {
    /// A tenant's key by its public part.
    fn key(&self, id: &KeyId) -> impl Future<Output = Result<Option<ApiKey>, Fault>> + Send;

    /// The operator's key, hashed as tenants' keys are. Reads no table.
    fn operator_hash(&self) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Notes that a key was used, unless it is gone or another process noted it within
    /// [`crate::authenticate::LAST_USED_INTERVAL`]. A note that cannot be written is a line in the
    /// log, not a fault: the caller's request is more important.
    fn used(&self, id: &KeyId, at: Time) -> impl Future<Output = ()> + Send;
}
