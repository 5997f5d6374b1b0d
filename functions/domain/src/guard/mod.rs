//! The destinations that Postel refuses, so that no delivery reaches an internal address.
//!
//! In Lambda this protects data, not only privacy: the Runtime API listens on loopback and accepts
//! POSTs, so a webhook that pointed there could answer an invocation in Postel's name and lose its
//! messages.
//!
//! Three rules, all pure: an address ([`EgressPolicy::check_address`]), a URL
//! ([`EgressPolicy::parse`], at creation and again before each attempt) and a custom header
//! ([`check_header`]). The adapter that resolves a name checks the resulting addresses with the
//! same policy. Reason codes are those of `tests/fixtures/ssrf_urls.json`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use url::Host;

mod destination;
mod header;
mod ip;
mod name;
#[cfg(test)]
mod table;
mod target;

pub use destination::{Destination, INBOX_URL};
pub use header::{
    DeniedHeader, HOP_HEADER, HeaderDenyReason, MAX_HEADER_BYTES, MAX_HEADERS, Quoted,
    check_header, check_header_set, check_headers, folded, is_token,
};
pub use target::{MAX_URL_BYTES, TargetUrl};

/// Where deliveries may go.
///
/// The default is what AWS runs: no exceptions and https only.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    allowed: Vec<IpNet>,
    allow_http: bool,
    api_hosts: Vec<String>,
    ports: Vec<u16>,
}

impl EgressPolicy {
    /// A policy with the operator's exceptions.
    ///
    /// `allowed` wins over the deny list. `api_hosts` are the host names of Postel's own API,
    /// without a port: a webhook that publishes an event would feed itself.
    pub fn new(allowed: Vec<IpNet>, allow_http: bool, api_hosts: Vec<String>) -> Self {
        let api_hosts = api_hosts
            .iter()
            .map(|host| bare(host.trim()).to_ascii_lowercase());
        let api_hosts = api_hosts.filter(|host| !host.is_empty()).collect();
        Self {
            allowed,
            allow_http,
            api_hosts,
            ports: vec![],
        }
    }

    /// The same for these ports only. `None` means the default: the scheme's port, and ports from
    /// 1024 on that belong to no other protocol.
    #[must_use]
    pub fn with_ports(self, ports: Vec<u16>) -> Self {
        Self { ports, ..self }
    }

    /// Whether a target is inside the operator's own allowed networks: an address in them, or
    /// `localhost` where loopback is allowed.
    #[must_use]
    pub fn is_operator_allowed(&self, target: &TargetUrl) -> bool {
        let inside = |address: IpAddr| {
            self.allowed
                .iter()
                .any(|network| network.contains(&address))
        };
        match target.url().host() {
            Some(Host::Ipv4(address)) => inside(address.into()),
            Some(Host::Ipv6(address)) => inside(address.into()),
            Some(Host::Domain(name)) => {
                (name == "localhost" || name.ends_with(".localhost"))
                    && inside(Ipv4Addr::LOCALHOST.into())
            }
            None => false,
        }
    }

    /// Whether `http://` is accepted in addition to `https://`.
    pub fn allows_http(&self) -> bool {
        self.allow_http
    }
}

/// A name without the dot that marks it as fully qualified.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// One row per reason: variant, stable code, what is wrong and what to do.
macro_rules! denied {
    ($($variant:ident $code:literal $message:literal;)+) => {
        /// Why a target is denied.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DenyReason {
            $(#[doc = $message] $variant,)+
        }

        impl DenyReason {
            /// Every reason, for exhaustive tests and for the API's description.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code in logs, dead letters and API responses.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl std::fmt::Display for DenyReason {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $message,)+
                })
            }
        }
    };
}

denied! {
    Unspecified "unspecified" "The address means this host itself; use the receiver's public address.";
    Private "private" "The address is in a private network; use the receiver's public address.";
    Cgnat "cgnat" "The address is in a carrier's shared network; use the receiver's public address.";
    Loopback "loopback" "The address is loopback; use the receiver's public address.";
    LinkLocal "link_local" "The address is link-local; use the receiver's public address.";
    Reserved "reserved" "The address is reserved; use the receiver's public address.";
    Documentation "documentation" "The address exists in documentation only; use the receiver's public address.";
    Benchmark "benchmark" "The address is reserved for benchmarks; use the receiver's public address.";
    Multicast "multicast" "The address is a multicast group; use the receiver's public address.";
    Metadata "metadata" "The address serves cloud metadata; use the receiver's public address.";
    LoopbackV6 "loopback_v6" "The IPv6 address is or contains loopback; use the receiver's public address.";
    MetadataV6 "metadata_v6" "The IPv6 address is or contains a metadata address; use the receiver's public address.";
    EmbedsV4 "embeds_v4" "The IPv6 address contains an IPv4 address; use that IPv4 address itself.";
    Discard "discard" "The IPv6 address is discarded by design; use the receiver's public address.";
    V6Protocol "v6_protocol" "The IPv6 address belongs to a protocol (RFC 2928); use the receiver's public address.";
    V6Reserved "v6_reserved" "The IPv6 address is reserved; use the receiver's public address.";
    V6Unallocated "v6_unallocated" "The IPv6 address is not allocated to anybody; use the receiver's public address.";
    NameDenied "name_denied" "The host name is an internal one; use the receiver's public name.";
    SelfLoop "self_loop" "The URL points at this API itself; use the receiver's URL.";
    PortDenied "port_denied" "The port belongs to another protocol or is closed here; use 443 or a free port from 1024 on.";
    TooLong "too_long" "The URL is too long; use at most 2048 bytes, counted after percent-encoding.";
    ParseError "parse_error" "The URL cannot be parsed; write it as https://host/path.";
    ControlChars "control_chars" "The URL contains spaces or control characters; remove or percent-encode them.";
    Backslash "backslash" "The URL contains a backslash, which parsers read differently; use a slash or %5C.";
    Scheme "scheme" "The URL's scheme is not supported; use https, or postel:inbox for the test receiver.";
    HttpNotAllowed "http_not_allowed" "Plain http is not allowed here; use https.";
    OddSlashes "odd_slashes" "The scheme must be followed by exactly two slashes; write it as https://host/path.";
    Userinfo "userinfo" "The URL contains credentials; put them into the basic credentials of the webhook.";
    Fragment "fragment" "The URL contains a fragment, which is never sent; remove everything from the # on.";
    EmptyLabel "empty_label" "The host name has an empty label; remove the extra dot.";
    LabelTooLong "label_too_long" "The host name has a label over 63 bytes; use a name that DNS can hold.";
    NameTooLong "name_too_long" "The host name is over 253 bytes; use a name that DNS can hold.";
    LabelChars "label_chars" "The host name has a character that host names cannot have; use letters, digits and hyphens.";
    TrailingDot "trailing_dot" "The host name ends in a dot; remove it.";
}

impl DenyReason {
    /// Whether the destination is denied, and not the way the URL is written.
    pub fn is_place(self) -> bool {
        use DenyReason as D;
        match self {
            D::Unspecified | D::Private | D::Cgnat | D::Loopback | D::LinkLocal | D::Reserved => {
                true
            }
            D::Documentation | D::Benchmark | D::Multicast | D::Metadata | D::LoopbackV6 => true,
            D::MetadataV6 | D::EmbedsV4 | D::Discard | D::V6Protocol | D::V6Reserved => true,
            D::V6Unallocated | D::NameDenied | D::SelfLoop | D::PortDenied => true,
            D::TooLong | D::ParseError | D::ControlChars | D::Backslash | D::Scheme => false,
            D::HttpNotAllowed | D::OddSlashes | D::Userinfo | D::Fragment | D::EmptyLabel => false,
            D::LabelTooLong | D::NameTooLong | D::LabelChars | D::TrailingDot => false,
        }
    }
}

impl std::error::Error for DenyReason {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_its_own_code_and_one_sentence_that_says_what_to_do() {
        let codes: HashSet<_> = DenyReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), DenyReason::ALL.len());
        for reason in DenyReason::ALL {
            let text = reason.to_string();
            assert!(
                reason
                    .code()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
            assert!(text.contains(';') && text.ends_with('.'), "{text}");
        }
    }

    #[test]
    fn own_places_are_addresses_in_the_allowed_networks_and_localhost_where_loopback_is() {
        let networks = ["127.0.0.0/8", "fd12::/16"].map(|text| text.parse().unwrap());
        let policy = EgressPolicy::new(networks.to_vec(), true, vec![]);
        let own = |url: &str| policy.is_operator_allowed(&policy.parse(url).unwrap());
        for url in [
            "http://127.0.0.1:8080/",
            "http://[fd12::1]:8080/",
            "http://localhost:8080/",
            "http://a.localhost:8080/",
        ] {
            assert!(own(url), "{url}");
        }
        for url in [
            "https://8.8.8.8/",
            "https://example.com/",
            "https://[2606:4700::1]/",
        ] {
            assert!(!own(url), "{url}");
        }
        let elsewhere = EgressPolicy::new(vec!["10.0.0.0/8".parse().unwrap()], true, vec![]);
        let localhost = policy.parse("http://localhost:8080/").unwrap();
        assert!(!elsewhere.is_operator_allowed(&localhost));
        assert!(policy.allows_http() && !EgressPolicy::default().allows_http());
    }

    #[test]
    fn a_place_is_told_from_a_way_of_writing() {
        let places = [
            DenyReason::Loopback,
            DenyReason::MetadataV6,
            DenyReason::NameDenied,
            DenyReason::PortDenied,
        ];
        let spellings = [
            DenyReason::TooLong,
            DenyReason::Scheme,
            DenyReason::Userinfo,
            DenyReason::TrailingDot,
        ];
        assert!(places.iter().all(|denied| denied.is_place()));
        assert!(!spellings.iter().any(|denied| denied.is_place()));
    }
}
