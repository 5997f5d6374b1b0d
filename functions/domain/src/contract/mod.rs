//! Delivery contracts: how Postel talks to a receiver, as data.
//!
//! A contract defines the envelope, the signature, the headers, the timeout, the rule for success,
//! the retry schedule and what happens at the end. The built-in contracts are the JSON files in
//! this crate's `contracts/`; those and the operator's own contracts have the same form.

mod builtin;
#[cfg(test)]
mod documented;
mod envelope;
mod put;
mod sign;
mod status;
mod template;
mod verify;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::guard::{HeaderDenyReason, check_headers};
use crate::tenant::MAX_WEBHOOKS;
use crate::time::Time;

pub use builtin::{builtin, builtin_names};
pub use envelope::{Envelope, EnvelopeData};
pub use put::check_own;
pub use sign::{Encoding, Secret, SecretFormat, SignatureScheme, SigningInput};
pub use status::StatusRanges;
pub use template::Template;
pub use verify::{Check, CheckKind, SignatureCheck};

/// The longest delay between two attempts: seven days.
pub const MAX_RETRY_DELAY: Duration = Duration::from_secs(7 * 24 * 3600);
/// The maximum number of delays in a schedule.
pub const MAX_RETRY_DELAYS: usize = 30;
/// The first attempt, and one after each of [`MAX_RETRY_DELAYS`].
const MAX_ATTEMPTS: u32 = 31;
/// The longest timeout that a contract may set; the operator's limit may be lower.
pub const MAX_TIMEOUT_SECONDS: u32 = 60;

/// A delivery contract: how requests are built, signed, evaluated and retried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contract {
    /// Its name: `[a-z0-9-]`.
    pub name: String,
    /// Description for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Counts the changes of an operator's own contract, so that an attempt can be shown as it was
    /// made. Built-in contracts have no version.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: u32,
    /// The body.
    pub envelope: Envelope,
    /// The body of a test event, if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_envelope: Option<Envelope>,
    /// The display names of types that the catalogue does not name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub type_names: BTreeMap<String, String>,
    /// How the body is signed; `None` if the vendor does not sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureScheme>,
    /// Headers in addition to those of every delivery, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// The timeout of one attempt.
    pub timeout_seconds: u32,
    /// Which statuses mean delivered.
    pub success: StatusRanges,
    /// Which statuses are never retried.
    #[serde(default, skip_serializing_if = "StatusRanges::is_empty")]
    pub refused: StatusRanges,
    /// Which statuses switch the webhook off.
    #[serde(default, skip_serializing_if = "StatusRanges::is_empty")]
    pub gone: StatusRanges,
    /// On which statuses `Retry-After` is honoured.
    #[serde(default, skip_serializing_if = "StatusRanges::is_empty")]
    pub retry_after: StatusRanges,
    /// The delays before the second, third, … attempt.
    pub retry_delays_seconds: Vec<u32>,
    /// The maximum random addition to a delay, as a share of it: 0.1 is 10 %.
    #[serde(default)]
    pub jitter: f64,
    /// What happens when the last attempt has failed.
    #[serde(default)]
    pub at_end: AtEnd,
    /// Which mails go to the tenant's contact.
    #[serde(default, skip_serializing_if = "Mails::is_none")]
    pub mails: Mails,
    /// Rejects http URLs, except for hosts inside the operator's own allowed networks, which are
    /// for local use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub https_only: bool,
    /// The default limit of webhooks for a tenant of this contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhooks_per_tenant: Option<u32>,
}

/// What happens to the webhook when a delivery is given up. The delivery itself always becomes a
/// dead letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AtEnd {
    /// Nothing: the delivery is marked failed.
    #[default]
    Fail,
    /// The webhook is switched off.
    Disable,
}

impl AtEnd {
    /// All, for the document.
    pub const ALL: [Self; 2] = [Self::Fail, Self::Disable];
}

impl Encoding {
    /// All, for the document.
    pub const ALL: [Self; 2] = [Self::Hex, Self::Base64];
}

impl SecretFormat {
    /// All, for the document.
    pub const ALL: [Self; 2] = [Self::Literal, Self::Whsec];
}

/// Which mails go to the tenant's contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mails {
    /// When a webhook is switched off.
    #[serde(default)]
    pub when_disabled: bool,
    /// After this many failed attempts of one delivery, at most once a day per webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn_after: Option<u32>,
}

impl Mails {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(version: &u32) -> bool {
    *version == 0
}

/// The settings of a contract that a webhook may override.
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
    /// The contract with a webhook's overrides applied, and its timeout limited to what the
    /// operator's functions have time for.
    #[must_use]
    pub fn with(mut self, overrides: &Overrides, max_timeout: Duration) -> Self {
        if let Some(seconds) = overrides.timeout_seconds {
            self.timeout_seconds = seconds;
        }
        if let Some(delays) = &overrides.retry_delays_seconds {
            self.retry_delays_seconds.clone_from(delays);
        }
        let longest = u32::try_from(max_timeout.as_secs()).unwrap_or(MAX_TIMEOUT_SECONDS);
        self.timeout_seconds = self.timeout_seconds.min(longest);
        self
    }

    /// The body's template: a test event may have its own.
    #[must_use]
    pub fn envelope_of(&self, test: bool) -> &Envelope {
        self.test_envelope
            .as_ref()
            .filter(|_| test)
            .unwrap_or(&self.envelope)
    }

    /// The name under which an attempt records the contract that it followed.
    #[must_use]
    pub fn reference(&self) -> String {
        if self.version == 0 {
            self.name.clone()
        } else {
            format!("{}@{}", self.name, self.version)
        }
    }

    /// Whether a name is valid for a contract: `[a-z0-9-]{1,64}`.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }

    /// Rejects a contract that cannot work and names the field. Parsing has already checked
    /// placeholders and statuses.
    ///
    /// # Errors
    /// The field and its allowed values.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.success.is_empty() {
            return Err((
                "success",
                "At least one status must mean delivered, 2xx for instance.".to_owned(),
            ));
        }
        if !(1..=MAX_TIMEOUT_SECONDS).contains(&self.timeout_seconds) {
            return Err((
                "timeoutSeconds",
                format!("A timeout is 1 to {MAX_TIMEOUT_SECONDS} seconds."),
            ));
        }
        check_delays(&self.retry_delays_seconds)
            .map_err(|detail| ("retryDelaysSeconds", detail))?;
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err((
                "jitter",
                "Jitter is a share of the delay, 0 to 1.".to_owned(),
            ));
        }
        let webhooks = self.webhooks_per_tenant;
        if webhooks.is_some_and(|limit| limit > MAX_WEBHOOKS) {
            return Err((
                "webhooksPerTenant",
                format!("A tenant may have 0 to {MAX_WEBHOOKS} webhooks."),
            ));
        }
        if self
            .mails
            .warn_after
            .is_some_and(|after| after > MAX_ATTEMPTS)
        {
            return Err((
                "mails.warnAfter",
                format!("A delivery has at most {MAX_ATTEMPTS} attempts by its schedule."),
            ));
        }
        self.check_headers()?;
        Ok(())
    }

    /// Checks the contract's own headers as they would be sent.
    fn check_headers(&self) -> Result<(), (&'static str, String)> {
        let sample = SigningInput {
            id: "evt_1",
            at: Time::from_millis(0),
            body: b"",
        };
        let mut sent: Vec<(&str, String)> = Vec::new();
        for (name, template) in &self.headers {
            if template.names_body() {
                return Err((
                    "headers",
                    format!("{name} cannot hold {{body}}: that is for what is signed."),
                ));
            }
            let mut value = Vec::new();
            template.render(&sample, &mut value);
            sent.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
        let pairs = |sent: &[(&str, String)]| {
            check_headers(sent.iter().map(|(name, value)| (*name, value.as_str())))
        };
        pairs(&sent).map_err(|denied| ("headers", denied.to_string()))?;
        let Some(signature) = &self.signature else {
            return Ok(());
        };
        if !signature.prefix.bytes().all(|b| b.is_ascii_graphic()) {
            return Err((
                "signature.prefix",
                "A prefix has visible ASCII characters only.".to_owned(),
            ));
        }
        // Contracts may set the header of Standard Webhooks, although its prefix is reserved.
        if signature.header.eq_ignore_ascii_case("webhook-signature") {
            return Ok(());
        }
        sent.push((&signature.header, format!("{}x", signature.prefix)));
        // Here the header's name is a value of the request body, which no error quotes.
        pairs(&sent).map_err(|denied| ("signature.header", of_signature(denied.why).to_owned()))
    }

    /// The timeout of one attempt.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }
}

/// Why a signature cannot have this header.
const fn of_signature(why: HeaderDenyReason) -> &'static str {
    match why {
        HeaderDenyReason::Name => {
            "The name of the signature's header is not valid; use letters, digits and hyphens."
        }
        HeaderDenyReason::Reserved => {
            "The signature's header is set by HTTP, by Postel, by a proxy or by a cloud; use another name."
        }
        HeaderDenyReason::Value => "A prefix has visible ASCII characters only.",
        HeaderDenyReason::Duplicate => {
            "The signature's header is among the contract's headers already, since upper and lower case are alike, and so are _ and -; use another name."
        }
        HeaderDenyReason::TooMany | HeaderDenyReason::TooLarge => {
            "With the signature's header the headers are too many or too large; use fewer."
        }
    }
}

impl Overrides {
    /// Rejects overrides that cannot work and names the field.
    ///
    /// # Errors
    /// The field and its allowed values.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self
            .timeout_seconds
            .is_some_and(|s| !(1..=MAX_TIMEOUT_SECONDS).contains(&s))
        {
            return Err((
                "overrides.timeoutSeconds",
                format!("A timeout is 1 to {MAX_TIMEOUT_SECONDS} seconds."),
            ));
        }
        check_delays(self.retry_delays_seconds.as_deref().unwrap_or_default())
            .map_err(|detail| ("overrides.retryDelaysSeconds", detail))
    }
}

fn check_delays(delays: &[u32]) -> Result<(), String> {
    if delays.len() > MAX_RETRY_DELAYS {
        return Err(format!("A schedule has at most {MAX_RETRY_DELAYS} delays."));
    }
    if delays
        .iter()
        .any(|d| Duration::from_secs(u64::from(*d)) > MAX_RETRY_DELAY)
    {
        return Err(format!(
            "A delay is at most {} seconds, seven days.",
            MAX_RETRY_DELAY.as_secs()
        ));
    }
    Ok(())
}
