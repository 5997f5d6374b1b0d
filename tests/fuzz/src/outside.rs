//! Where deliveries go, and receivers' responses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use domain::contract::{MAX_RETRY_DELAY, builtin, builtin_names};
use domain::guard::{EgressPolicy, MAX_HEADER_BYTES, MAX_URL_BYTES, check_header, check_headers};
use domain::retry::{MAX_RETRY_AFTER, next_delay, parse_retry_after};
use domain::time::Time;

use crate::{number, text, two};

/// A webhook's URL: an accepted URL names one host in one spelling, and that host is not an
/// internal address, whatever parser reads it.
pub fn url(data: &[u8]) {
    let raw = text(data);
    let own = "api.example.org";
    let policy = EgressPolicy::new(vec![], false, vec![own.to_owned()]);
    let Ok(target) = policy.parse(&raw) else {
        return;
    };
    let shown = target.as_str();
    assert_eq!(
        policy.parse(shown).as_ref(),
        Ok(&target),
        "its own form is judged otherwise"
    );
    assert!(raw.len() <= MAX_URL_BYTES && shown.len() <= MAX_URL_BYTES);
    assert!(shown.starts_with("https://") && raw.to_ascii_lowercase().starts_with("https://"));
    assert!(!raw.contains(['\\', '\r', '\n', '\t', ' ']) && !shown.contains('#'));
    // Split as a parser for RFC 3986 would.
    let rest = &shown["https://".len()..];
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    assert!(!authority.contains('@'), "somebody's credentials");
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => v6
            .split_once(']')
            .map(|(host, port)| (host, port.strip_prefix(':')))
            .unwrap(),
        None => authority
            .split_once(':')
            .map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    assert_eq!(
        target.host().trim_matches(['[', ']']),
        host,
        "two parsers read two hosts"
    );
    if let Some(port) = port {
        let port: u16 = port.parse().unwrap();
        assert!(port >= 1024, "{port} is another protocol's");
    }
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => assert!(is_public_v4(address), "{address}"),
        Ok(IpAddr::V6(address)) => assert!(is_public_v6(address), "{address}"),
        Err(_) => {
            let last = host.rsplit('.').next().unwrap();
            assert!(host.contains('.') && host.is_ascii() && host != own && !host.ends_with('.'));
            // inet_aton reads numbers, octal and hexadecimal ones too, as addresses.
            let hex = last
                .strip_prefix("0x")
                .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
            assert!(!hex && !last.bytes().all(|b| b.is_ascii_digit()), "{host}");
            assert!(
                !["localhost", "local", "internal", "test", "invalid"].contains(&last),
                "{host}"
            );
        }
    }
}

/// From the standard library's own lists and AWS's internal addresses, not the guard's table.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || address.is_unspecified()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let inside = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local();
    // ::ffff:a.b.c.d and a.b.c.d are one host. Only 2000::/3 is allocated.
    !inside && address.to_ipv4().is_none() && address.segments()[0] >> 13 == 1
}

/// A webhook's own header: an accepted one is one line of a message, and none of Postel's.
pub fn header(data: &[u8]) {
    let (name, value) = two(data);
    let one = check_header(&name, &value);
    let all = check_headers([(name.as_str(), value.as_str())]);
    if one.is_err() || name.len() + value.len() + 4 > MAX_HEADER_BYTES {
        assert!(all.is_err());
        return;
    }
    assert_eq!(all, Ok(()));
    assert!(
        check_headers([
            (name.as_str(), "a"),
            (name.to_ascii_uppercase().as_str(), "b")
        ])
        .is_err(),
        "twice"
    );
    let line = format!("{name}: {value}\r\n");
    assert_eq!(line.find("\r\n"), Some(line.len() - 2), "two lines");
    assert!(
        line.bytes()
            .all(|b| b == b'\t' || b == b'\r' || b == b'\n' || (b' '..=b'~').contains(&b))
    );
    let (read, rest) = line.split_once(':').unwrap();
    assert_eq!(
        (read, rest.trim()),
        (name.as_str(), value.as_str()),
        "a receiver reads another header"
    );
    let lower = name.to_ascii_lowercase();
    let ours = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "content-type",
        "expect",
        "te",
        "upgrade",
    ];
    assert!(
        !ours.contains(&lower.as_str())
            && !lower.starts_with("webhook-")
            && !lower.starts_with("x-amz")
    );
}

/// A receiver's `Retry-After`, under every contract: never over the maximum, never below the
/// schedule.
pub fn retry_after(data: &[u8]) {
    let (now, rest) = number(data);
    let read = parse_retry_after(&text(rest), Time::from_millis(now));
    assert!(read.unwrap_or_default() <= MAX_RETRY_AFTER);
    let chance = f64::from(data.first().copied().unwrap_or(0)) / 255.0;
    for name in builtin_names() {
        let contract = builtin(name).unwrap();
        for made in 0..=u32::try_from(contract.retry_delays_seconds.len()).unwrap() + 1 {
            let (with, without) = (
                next_delay(&contract, made, chance, read),
                next_delay(&contract, made, chance, None),
            );
            assert_eq!(
                with.is_some(),
                without.is_some(),
                "a receiver cannot change how often it is tried"
            );
            let (Some(with), Some(without)) = (with, without) else {
                continue;
            };
            assert!(with >= without && with <= MAX_RETRY_AFTER.max(without));
            assert!(
                without
                    >= Duration::from_secs(contract.retry_delays_seconds[made as usize - 1].into())
            );
            assert!(without <= MAX_RETRY_DELAY * 2);
        }
    }
}
