//! Reads of API keys and sessions.

use std::future::Future;

use super::Fault;
use crate::api_key::ApiKey;
use crate::ids::KeyId;
use crate::session::{Session, SessionName};
use crate::time::Time;

/// The keys and sessions of the HTTP API.
pub trait Keys {
    /// A tenant's key by its public part.
    fn key(&self, id: &KeyId) -> impl Future<Output = Result<Option<ApiKey>, Fault>> + Send;

    /// A session by its name.
    fn session(
        &self,
        name: &SessionName,
    ) -> impl Future<Output = Result<Option<Session>, Fault>> + Send;

    /// The operator's key, hashed like the tenants' keys. Reads no table.
    fn operator_hash(&self) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Records the use of a key, unless the key is gone or another process recorded it within
    /// [`crate::authenticate::last_used_interval`]. A failed write is only logged, not a fault: the
    /// caller's request is more important.
    fn used(&self, key: &ApiKey, at: Time) -> impl Future<Output = ()> + Send;
}
