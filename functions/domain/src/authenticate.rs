//! Identifies the caller of the HTTP API from the `Authorization` header alone.
//!
//! A header that does not have the form of a key costs no table read; nor does the operator's key,
//! right or wrong. A fault is never an answer: on a fault, the caller of this module admits nobody.

use std::time::Duration;

use crate::api_key::{self, ApiKey};
use crate::ports::{Fault, Keys};
use crate::session::{Session, SessionName, is_token};
use crate::time::Time;

/// The maximum interval between two records of a key's use. Each is a write, and a million keys in
/// use would make 17,000 writes a second if it were a minute.
const MAX_LAST_USED_INTERVAL: Duration = Duration::from_secs(3_600);

/// In a key's lifetime its use is recorded at most so often, if that is more.
const USES_RECORDED: u32 = 60;

/// The minimum age of a key's recorded last use before it is written again, however often the key
/// is used.
#[must_use]
pub fn last_used_interval(key: &ApiKey) -> Duration {
    let lifetime = key.expires_at.map(|end| end.since(key.created_at));
    lifetime.map_or(MAX_LAST_USED_INTERVAL, |lifetime| {
        MAX_LAST_USED_INTERVAL.min(lifetime / USES_RECORDED)
    })
}

/// The operator's key is longer than this. Shorter keys are not compared with it, so an empty key
/// can never be accepted.
const MIN_OPERATOR_KEY_BYTES: usize = 32;

/// The caller that a valid key identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The operator, who deployed the stack.
    Operator,
    /// A tenant, identified by one of its keys.
    Tenant(ApiKey),
    /// A tenant or the operator, identified by a session.
    Session(Session),
}

/// How many wrong keys in a row a process explains.
const EXPLAINED_AT_ONCE: u32 = 300;

/// How often a process may explain one more wrong key.
const EXPLAINED_EVERY: Duration = Duration::from_secs(1);

/// Decides which wrong keys still get an explanation.
///
/// A function gives the explanation, so it costs a request of the gateway and an invocation. The
/// gateway does not charge for requests that the authorizer denies. In a flood of wrong keys, a
/// process therefore denies all beyond [`EXPLAINED_AT_ONCE`] and one per second, whether they have
/// the form of a key or not.
#[derive(Debug)]
pub struct Explanations {
    credit: Duration,
    counted_at: Time,
}

impl Explanations {
    /// For a process that starts now.
    #[must_use]
    pub const fn new(now: Time) -> Self {
        Self {
            credit: EXPLAINED_EVERY.saturating_mul(EXPLAINED_AT_ONCE),
            counted_at: now,
        }
    }

    /// Whether this wrong key gets an explanation. If not, the gateway refuses the request.
    pub fn take(&mut self, now: Time) -> bool {
        let earned = self.credit + now.since(self.counted_at);
        self.credit = earned.min(EXPLAINED_EVERY.saturating_mul(EXPLAINED_AT_ONCE));
        self.counted_at = now;
        let Some(rest) = self.credit.checked_sub(EXPLAINED_EVERY) else {
            return false;
        };
        self.credit = rest;
        true
    }
}

/// The key or token in the header.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Whether the header has a session's token, valid or not: for the words of a rejection.
#[must_use]
pub fn has_session(header: &str) -> bool {
    bearer(header).is_some_and(is_token)
}

/// Identifies the caller from the header. `None` if the key or session is not valid.
///
/// # Errors
/// If a key could not be looked up.
pub async fn authenticate(
    keys: &impl Keys,
    header: &str,
    now: Time,
) -> Result<Option<Identity>, Fault> {
    let Some(key) = bearer(header) else {
        return Ok(None);
    };
    if let Some(name) = SessionName::of_token(key) {
        let stored = keys.session(&name).await?;
        let open = stored.filter(|stored| stored.admits(key, now));
        return Ok(open.map(Identity::Session));
    }
    let Some(id) = api_key::parse(key) else {
        let is_operator = key.len() >= MIN_OPERATOR_KEY_BYTES
            && api_key::matches(key, &keys.operator_hash().await?);
        return Ok(is_operator.then_some(Identity::Operator));
    };
    let is_valid = |stored: &ApiKey| {
        api_key::matches(key, &stored.hash) && stored.expires_at.is_none_or(|end| now < end)
    };
    let Some(stored) = keys.key(&id).await?.filter(is_valid) else {
        return Ok(None);
    };
    let is_noted = |last| now.since(last) < last_used_interval(&stored);
    if !stored.last_used_at.is_some_and(is_noted) {
        keys.used(&stored, now).await;
    }
    Ok(Some(Identity::Tenant(stored)))
}

#[cfg(test)]
mod tests;
