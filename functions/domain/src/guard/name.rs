//! Which host names are public, as far as the name alone shows.

use super::{DenyReason, EgressPolicy, bare};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Names of internal hosts (RFC 6761, RFC 6762, RFC 8375, ICANN's name collisions, cloud metadata).
/// The resolver checks the addresses of all other names.
const INSIDE: &[&str] = &[
    "localhost",
    "localdomain",
    "local",
    "internal",
    "home.arpa",
    "lan",
    "intranet",
    "corp",
    "test",
    "invalid",
    "onion",
    "metadata.goog",
    "metadata.tencentyun.com",
];

impl EgressPolicy {
    pub(super) fn check_name(&self, name: &str) -> Result<(), DenyReason> {
        let inside = |suffix: &str| {
            bare(name)
                .strip_suffix(suffix)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let local = inside("localhost") && self.allows_loopback();
        if !local && (!bare(name).contains('.') || INSIDE.iter().any(|suffix| inside(suffix))) {
            return Err(DenyReason::NameDenied);
        }
        // RFC 1035 section 2.3.4. The parser checks neither.
        if bare(name).len() > 253 {
            return Err(DenyReason::NameTooLong);
        }
        bare(name).split('.').try_for_each(check_label)?;
        // Certificates and virtual hosts do not use the dotted form, and one host must have one
        // spelling.
        if name.ends_with('.') {
            Err(DenyReason::TrailingDot)
        } else {
            Ok(())
        }
    }

    /// The local stack's receivers listen on `localhost`; the operator allows loopback for them.
    fn allows_loopback(&self) -> bool {
        self.check_address(Ipv4Addr::LOCALHOST.into()).is_ok()
            || self.check_address(Ipv6Addr::LOCALHOST.into()).is_ok()
    }
}

/// RFC 1123 letters, digits and hyphens, and the underscore that real names have.
fn check_label(label: &str) -> Result<(), DenyReason> {
    match label.len() {
        0 => Err(DenyReason::EmptyLabel),
        1..=63
            if label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') =>
        {
            Ok(())
        }
        1..=63 => Err(DenyReason::LabelChars),
        _ => Err(DenyReason::LabelTooLong),
    }
}
