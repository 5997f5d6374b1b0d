//! Settings from the environment, as `infra/template.yaml` sets them. A missing or invalid one ends
//! the function at its start with the name of the variable; nothing is enabled by default.

use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

/// A variable that is missing or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not set.
    #[error("the environment variable {0} is not set; infra/template.yaml sets it")]
    Missing(&'static str),
    /// Set to an invalid value.
    #[error("the environment variable {0} cannot be read: {1:?}")]
    Unreadable(&'static str, String),
}

/// A required variable.
///
/// # Errors
/// If it is not set.
pub fn required(name: &'static str) -> Result<String, SettingsError> {
    optional(name).ok_or(SettingsError::Missing(name))
}

/// A variable that may be missing or empty.
#[must_use]
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A required variable, parsed.
///
/// # Errors
/// If it is not set, or invalid.
pub fn parsed<T: FromStr>(name: &'static str) -> Result<T, SettingsError> {
    let text = required(name)?;
    text.parse()
        .map_err(|_| SettingsError::Unreadable(name, text))
}

/// A variable that may be missing or empty, parsed.
///
/// # Errors
/// If it is set and invalid.
pub fn parsed_if_set<T: FromStr>(name: &'static str) -> Result<Option<T>, SettingsError> {
    let Some(text) = optional(name) else {
        return Ok(None);
    };
    let parsed = text.parse().map(Some);
    parsed.map_err(|_| SettingsError::Unreadable(name, text))
}

/// Seconds.
///
/// # Errors
/// As [`parsed`].
pub fn seconds(name: &'static str) -> Result<Duration, SettingsError> {
    parsed(name).map(Duration::from_secs)
}

/// A comma-separated list; empty entries are dropped, and a missing variable is an empty list.
#[must_use]
pub fn list(name: &'static str) -> Vec<String> {
    let text = std::env::var(name).unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A required comma-separated list: a missing list must not allow everything.
///
/// # Errors
/// If it is missing or empty.
pub fn required_list(name: &'static str) -> Result<Vec<String>, SettingsError> {
    required(name).map(|_| list(name))
}

/// A comma-separated list of networks in CIDR notation.
///
/// # Errors
/// If an entry is not a network: a typo must not silently change what is allowed.
pub fn networks(name: &'static str) -> Result<Vec<IpNet>, SettingsError> {
    each(name)
}

/// A comma-separated list of ports.
///
/// # Errors
/// If an entry is not a port.
pub fn ports(name: &'static str) -> Result<Vec<u16>, SettingsError> {
    each(name)
}

fn each<T: FromStr>(name: &'static str) -> Result<Vec<T>, SettingsError> {
    list(name)
        .into_iter()
        .map(|entry| {
            entry
                .parse()
                .map_err(|_| SettingsError::Unreadable(name, entry))
        })
        .collect()
}
