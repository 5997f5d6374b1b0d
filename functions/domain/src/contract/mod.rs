//! How a webhook talks to its receiver, as data.
//!
//! A contract names the envelope, the signature, the headers, the timeout, the rule for success, the retry schedule and what happens at the
//! end. The built-in ones are the JSON files in `contracts/` of this crate; all of them, and those an operator will add, are of this one shape.

mod builtin;
mod envelope;
mod sign;
mod status;
mod template;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use builtin::{builtin, builtin_names};
pub use envelope::{Envelope, Facts};
pub use sign::{Encoding, Secret, SecretForm, Signature, SigningMoment};
pub use status::StatusRule;
pub use template::Template;

/// The longest delay between two attempts: seven days.
pub const LONGEST_DELAY: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most attempts a schedule may ask for.
pub const MOST_DELAYS: usize = 30;
/// The longest timeout a contract may ask for; an operator's limit may be lower.
pub const LONGEST_TIMEOUT_SECONDS: u32 = 60;

/// The rules of one conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contract {
    /// Its name: `[a-z0-9-]`.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What the body looks like.
    pub envelope: Envelope,
    /// How the body is signed; none, if the vendor signs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Headers beside those of every delivery, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// How long one attempt may take.
    pub timeout_seconds: u32,
    /// Which statuses mean delivered.
    pub success: StatusRule,
    /// Which statuses are never tried again.
    #[serde(default, skip_serializing_if = "StatusRule::is_empty")]
    pub refused: StatusRule,
    /// Which statuses switch the webhook off.
    #[serde(default, skip_serializing_if = "StatusRule::is_empty")]
    pub gone: StatusRule,
    /// On which statuses `Retry-After` is honoured.
    #[serde(default, skip_serializing_if = "StatusRule::is_empty")]
    pub retry_after: StatusRule,
    /// The delays before the second, third, … attempt.
    pub retry_delays_seconds: Vec<u32>,
    /// Up to which share of a delay is added by chance: 0.1 is 10 %.
    #[serde(default)]
    pub jitter: f64,
    /// What happens when the last attempt has failed.
    #[serde(default)]
    pub at_end: AtEnd,
}

/// What happens to the webhook when a delivery is given up. The delivery itself always becomes a dead letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AtEnd {
    /// Nothing: the delivery is marked failed.
    #[default]
    Fail,
    /// The webhook is switched off.
    Disable,
}

/// What a webhook may say differently from its contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Overrides {
    /// In place of the contract's timeout, 1 to 60 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// In place of the contract's delays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_delays_seconds: Option<Vec<u32>>,
}

impl Contract {
    /// The contract with a webhook's own wishes applied, and its timeout held to what the operator's functions have time for.
    #[must_use]
    pub fn with(mut self, overrides: &Overrides, longest_timeout: Duration) -> Self {
        if let Some(seconds) = overrides.timeout_seconds {
            self.timeout_seconds = seconds;
        }
        if let Some(delays) = &overrides.retry_delays_seconds {
            self.retry_delays_seconds.clone_from(delays);
        }
        let longest = u32::try_from(longest_timeout.as_secs()).unwrap_or(LONGEST_TIMEOUT_SECONDS);
        self.timeout_seconds = self.timeout_seconds.min(longest);
        self
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }
}

impl Overrides {
    /// Refuses what cannot work, naming the field.
    ///
    /// # Errors
    /// The field and what it may be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self
            .timeout_seconds
            .is_some_and(|s| !(1..=LONGEST_TIMEOUT_SECONDS).contains(&s))
        {
            return Err((
                "overrides.timeoutSeconds",
                format!("A timeout is 1 to {LONGEST_TIMEOUT_SECONDS} seconds."),
            ));
        }
        check_delays(self.retry_delays_seconds.as_deref().unwrap_or_default())
            .map_err(|detail| ("overrides.retryDelaysSeconds", detail))
    }
}

fn check_delays(delays: &[u32]) -> Result<(), String> {
    if delays.len() > MOST_DELAYS {
        return Err(format!("A schedule has at most {MOST_DELAYS} delays."));
    }
    if delays
        .iter()
        .any(|d| Duration::from_secs(u64::from(*d)) > LONGEST_DELAY)
    {
        return Err(format!(
            "A delay is at most {} seconds, seven days.",
            LONGEST_DELAY.as_secs()
        ));
    }
    Ok(())
}
