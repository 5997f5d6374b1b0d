//! Which URLs a webhook may have.
//!
//! `reqwest` parses with the same `url` crate, so check and connection cannot disagree about the
//! host. The checks on the raw string are for input that this parser (WHATWG URL) repairs silently
//! and other parsers (RFC 3986) read differently.

use super::{DenyReason, EgressPolicy, bare};
use url::{Host, Url};

/// The maximum size of a URL in bytes, as written and as normalised: every percent-encoded byte
/// counts as three, and the stored form is parsed again before each attempt. Test:
/// a_url_that_grows_over_the_limit_by_encoding_is_refused_at_creation.
pub const MAX_URL_BYTES: usize = 2048;

/// A URL that the policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetUrl(Url);

impl TargetUrl {
    /// The normalised form, to store, show and parse again.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host: in lower case, in ASCII, IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The parsed URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// Ports of other protocols from 1024 on. A POST body can contain a line that such a server
/// executes, and many of these servers take a POST as a command. On a public address they are
/// somebody's data or controls, seldom a receiver. An operator who needs one names the open ports
/// (`AllowedPorts`).
const FOREIGN_PORTS: &[&[u16]] = &[
    // The WHATWG fetch standard's bad ports.
    &[
        1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    ],
    &[6669, 6679, 6697, 10080],
    // Relational databases: Microsoft, Oracle, MySQL, PostgreSQL and its pooler, CockroachDB.
    &[1433, 1434, 1521, 1522, 2483, 2484, 3306, 5432, 6432, 26257],
    // Other data stores: ZooKeeper, Aerospike's clients, CouchDB, Redis and Sentinel, Neo4j,
    // Cassandra, InfluxDB, Couchbase, ClickHouse, ArangoDB, Solr, Elasticsearch, Hadoop, Memcached,
    // Milvus, MongoDB, RethinkDB.
    &[
        2181, 2888, 3888, 5984, 6379, 6380, 6333, 6334, 6984, 7001, 7199, 7473, 7474, 7687,
    ],
    &[
        8086, 8087, 8088, 8091, 8092, 8093, 8094, 8095, 8096, 8098, 8123, 8529, 8983, 9009,
    ],
    &[
        9042, 9160, 9200, 9300, 9600, 9870, 11207, 11209, 11210, 11211, 16379, 19530, 26379, 27017,
    ],
    &[27018, 27019, 27020, 28015, 28017, 29015],
    // Queues: MQTT, NATS, AMQP and RabbitMQ's management, Kafka and Connect.
    &[
        1883, 4222, 5671, 5672, 6222, 8083, 8222, 8883, 9092, 9093, 9094, 15671, 15672, 25672,
    ],
    // Control planes: Docker, etcd, Nomad, Kubernetes, Vault, Consul, kubelet and related services.
    &[
        2375, 2376, 2377, 2379, 2380, 4646, 4647, 4648, 6443, 8200, 8201, 8300, 8301, 8302,
    ],
    &[
        8500, 8501, 8502, 8503, 8600, 10248, 10249, 10250, 10255, 10256, 10257, 10259,
    ],
    // Operating and monitoring: Puppet, Salt, GlassFish, Kibana, Zabbix and NRPE, Envoy and Istio,
    // MinIO and supervisord, Prometheus and related tools, WildFly.
    &[
        4505, 4506, 4848, 5601, 5666, 8140, 9001, 9090, 9091, 9100, 9901, 9990, 9993, 10050, 10051,
        15000,
    ],
    // Machines and shells: SOCKS, RMI, Squid, iSCSI, directories, RDP, Erlang's mapper, Selenium,
    // XMPP, ADB, VNC, WinRM, cluster jobs, Tomcat's connector and shutdown, debuggers, git,
    // Subversion.
    &[
        1080, 1099, 3128, 3260, 3268, 3269, 3389, 3690, 4369, 4444, 5222, 5269, 5555, 5800, 5900,
    ],
    &[
        5901, 5902, 5903, 5985, 5986, 6066, 7077, 8005, 8009, 8265, 9050, 9051, 9229, 9418, 10001,
    ],
];

impl EgressPolicy {
    /// Accepts a URL that deliveries may go to, as far as this is known without DNS.
    ///
    /// Called when a webhook is created or changed, and again before each attempt: a row edited
    /// manually, or a policy that became stricter, must not be used.
    ///
    /// # Errors
    /// The first reason to deny it: the spelling before the destination.
    pub fn parse(&self, raw: &str) -> Result<TargetUrl, DenyReason> {
        if raw.len() > MAX_URL_BYTES {
            return Err(DenyReason::TooLong);
        }
        let url = Url::parse(raw).map_err(|_| DenyReason::ParseError)?;
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(DenyReason::TooLong);
        }
        self.check_spelling(raw, &url)?;
        self.check_destination(&url)?;
        Ok(TargetUrl(url))
    }

    /// What else is wrong with the destination of a URL that was denied for plain http, so that the
    /// caller can fix both at once.
    #[must_use]
    pub fn also_denied(&self, raw: &str, first: DenyReason) -> Option<DenyReason> {
        let url = Url::parse(raw).ok()?;
        (first == DenyReason::HttpNotAllowed)
            .then(|| self.check_destination(&url).err())
            .flatten()
    }

    fn check_destination(&self, url: &Url) -> Result<(), DenyReason> {
        self.check_host(url)?;
        self.check_port(url)
    }

    fn check_spelling(&self, raw: &str, url: &Url) -> Result<(), DenyReason> {
        if raw.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(DenyReason::ControlChars);
        }
        if raw.contains('\\') {
            return Err(DenyReason::Backslash);
        }
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => return Err(DenyReason::HttpNotAllowed),
            _ => return Err(DenyReason::Scheme),
        }
        let rest = raw
            .get(url.scheme().len()..)
            .and_then(|rest| rest.strip_prefix("://"));
        let rest = rest
            .filter(|rest| !rest.starts_with('/'))
            .ok_or(DenyReason::OddSlashes)?;
        // Checked on the raw string as well: the parser drops an empty `@`, and other parsers may
        // split elsewhere.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err(DenyReason::Userinfo);
        }
        if url.fragment().is_some() {
            return Err(DenyReason::Fragment);
        }
        Ok(())
    }

    fn check_host(&self, url: &Url) -> Result<(), DenyReason> {
        let host = url.host().ok_or(DenyReason::ParseError)?;
        let text = url.host_str().map(bare).unwrap_or_default();
        if self.api_hosts.iter().any(|own| own == text) {
            return Err(DenyReason::SelfLoop);
        }
        match host {
            Host::Ipv4(address) => self.check_address(address.into()),
            Host::Ipv6(address) => self.check_address(address.into()),
            Host::Domain(name) => self.check_name(name),
        }
    }

    /// The operator's ports. Default: below 1024 only the scheme's own port, since all others there
    /// belong to other protocols, and above it every port that belongs to none.
    fn check_port(&self, url: &Url) -> Result<(), DenyReason> {
        match url.port_or_known_default() {
            Some(port) if !self.ports.is_empty() => self.ports.contains(&port),
            Some(443) => true,
            Some(80) => url.scheme() == "http",
            Some(port) => port >= 1024 && !FOREIGN_PORTS.iter().any(|ports| ports.contains(&port)),
            None => false,
        }
        .then_some(())
        .ok_or(DenyReason::PortDenied)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::strict;
    use super::*;

    fn local() -> EgressPolicy {
        EgressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], true, vec![])
    }

    fn refusal(policy: &EgressPolicy, raw: &str) -> Option<DenyReason> {
        policy.parse(raw).err()
    }

    #[test]
    fn a_url_that_grows_over_the_limit_by_encoding_is_refused_at_creation() {
        let raw = format!("https://example.com/{}", "\u{e9}".repeat(400));
        assert!(raw.len() < MAX_URL_BYTES);
        assert_eq!(refusal(&strict(), &raw), Some(DenyReason::TooLong));
    }

    #[test]
    fn loopback_names_and_numbers_are_accepted_only_where_the_operator_opened_loopback() {
        for url in [
            "http://127.0.0.1:8080/x",
            "http://localhost:8080/",
            "http://hook.localhost:8080/",
            "https://localhost/",
        ] {
            assert_eq!(refusal(&local(), url), None, "{url}");
            assert!(refusal(&strict(), url).is_some(), "{url}");
        }
        let http_only = EgressPolicy::new(vec![], true, vec![]);
        assert_eq!(
            refusal(&http_only, "http://localhost:8080/"),
            Some(DenyReason::NameDenied)
        );
        assert_eq!(refusal(&http_only, "http://example.com/"), None);
        for url in [
            "https://intranet/",
            "https://a.internal/",
            "https://10.0.0.1/",
            "https://notlocalhost/",
        ] {
            assert!(refusal(&local(), url).is_some(), "{url}");
        }
    }

    #[test]
    fn spellings_that_the_parser_would_repair_are_refused() {
        let long = format!("https://{}example.com/", "a.".repeat(130));
        for (url, reason) in [
            ("https:example.com", DenyReason::OddSlashes),
            ("https:/example.com", DenyReason::OddSlashes),
            ("https:\\\\example.com", DenyReason::Backslash),
            ("https://@example.com/", DenyReason::Userinfo),
            ("https://:@example.com/", DenyReason::Userinfo),
            ("https://example.com/#", DenyReason::Fragment),
            ("https://example.com/a b", DenyReason::ControlChars),
            ("https://example.com/\u{7f}", DenyReason::ControlChars),
            ("https://example.com./", DenyReason::TrailingDot),
            ("https://printer.local./", DenyReason::NameDenied),
            ("https://.example.com/", DenyReason::EmptyLabel),
            ("https://*.example.com/", DenyReason::LabelChars),
            ("https://example.com:0/", DenyReason::PortDenied),
            ("https://example.com:80/", DenyReason::PortDenied),
            (
                "https://THIS-API.execute-api.region.amazonaws.com./",
                DenyReason::SelfLoop,
            ),
            (&long, DenyReason::NameTooLong),
        ] {
            assert_eq!(refusal(&strict(), url), Some(reason), "{url}");
        }
        assert_eq!(refusal(&strict(), "HTTPS://Example.COM/@path?q=a@b"), None);
    }

    #[test]
    fn a_url_of_the_maximum_length_is_accepted_and_one_byte_more_refused() {
        let of = |bytes: usize| {
            let start = "https://example.com/";
            format!("{start}{}", "a".repeat(bytes - start.len()))
        };
        assert_eq!(refusal(&strict(), &of(MAX_URL_BYTES)), None);
        assert_eq!(
            refusal(&strict(), &of(MAX_URL_BYTES + 1)),
            Some(DenyReason::TooLong)
        );
        // Counted before the parser shortens it, too.
        let dots = format!("https://example.com/{}", "./".repeat(MAX_URL_BYTES));
        assert_eq!(refusal(&strict(), &dots), Some(DenyReason::TooLong));
    }

    #[test]
    fn a_target_shows_its_own_form() {
        let target = strict().parse("HTTPS://Example.COM:443/a?b").unwrap();
        assert_eq!(target.as_str(), "https://example.com/a?b");
        assert_eq!((target.host(), target.url().path()), ("example.com", "/a"));
    }

    #[test]
    fn ports_of_other_protocols_are_refused_and_free_ones_accepted() {
        for (url, reason) in [
            ("https://example.com:443/", None),
            ("https://example.com:1023/", Some(DenyReason::PortDenied)),
            ("https://example.com:1024/", None),
            ("https://example.com:8443/", None),
            ("https://example.com:6379/", Some(DenyReason::PortDenied)),
            ("http://example.com:80/", None),
            ("http://example.com:443/", None),
            ("http://example.com:22/", Some(DenyReason::PortDenied)),
            ("ftp://example.com/", Some(DenyReason::Scheme)),
        ] {
            assert_eq!(refusal(&local(), url), reason, "{url}");
        }
    }

    #[test]
    fn databases_and_control_planes_on_public_addresses_are_no_receivers() {
        for port in [
            2181, 2375, 3306, 4646, 5432, 5984, 6379, 6443, 8086, 8088, 8200, 8500, 8983, 9001,
            9042, 9090, 9092, 9200, 9901, 10250, 10259, 11211, 15672, 27017,
        ] {
            let url = format!("https://203.0.114.1:{port}/");
            assert_eq!(
                refusal(&strict(), &url),
                Some(DenyReason::PortDenied),
                "{url}"
            );
        }
        // Ports on which people run receivers: the defaults of their frameworks, and those that
        // CDNs forward.
        for port in [
            2053, 2083, 2087, 2096, 3000, 4000, 4443, 5000, 7443, 8000, 8001, 8080, 8081, 8443,
            8888, 9443, 10443,
        ] {
            let url = format!("https://203.0.114.1:{port}/");
            assert_eq!(refusal(&strict(), &url), None, "{url}");
        }
        let all = FOREIGN_PORTS.concat();
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        // Below the ephemeral ports of operating systems, from which the tests' receivers get
        // theirs.
        assert!(all.iter().all(|port| (1024..32768).contains(port)));
    }

    #[test]
    fn plain_http_and_the_place_behind_it_are_told_together() {
        for (url, also) in [
            ("http://localhost:3000/", Some(DenyReason::NameDenied)),
            ("http://10.0.0.1/", Some(DenyReason::Private)),
            ("http://example.com:22/", Some(DenyReason::PortDenied)),
            ("http://example.com/", None),
        ] {
            let first = refusal(&strict(), url).unwrap();
            assert_eq!(first, DenyReason::HttpNotAllowed);
            assert_eq!(strict().also_denied(url, first), also, "{url}");
        }
        assert_eq!(
            strict().also_denied("ftp://localhost/", DenyReason::Scheme),
            None
        );
    }

    #[test]
    fn where_the_operator_names_ports_no_other_is_open() {
        let only = strict().with_ports(vec![443, 8443, 6379]);
        for (url, reason) in [
            ("https://example.com/", None),
            ("https://example.com:8443/", None),
            ("https://example.com:6379/", None),
            ("https://example.com:8444/", Some(DenyReason::PortDenied)),
            ("https://example.com:1024/", Some(DenyReason::PortDenied)),
            ("https://127.0.0.1:8443/", Some(DenyReason::Loopback)),
        ] {
            assert_eq!(refusal(&only, url), reason, "{url}");
        }
        let http = local().with_ports(vec![443]);
        assert_eq!(
            refusal(&http, "http://example.com/"),
            Some(DenyReason::PortDenied)
        );
    }

    #[test]
    fn a_name_of_253_bytes_is_accepted_and_a_longer_one_refused() {
        let of = |bytes: usize| {
            let rest = format!("{}com", "a.".repeat(96));
            let head = "a".repeat(bytes - rest.len() - 1);
            format!("https://{head}.{rest}/")
        };
        assert_eq!(refusal(&strict(), &of(253)), None);
        assert_eq!(refusal(&strict(), &of(254)), Some(DenyReason::NameTooLong));
    }
}
