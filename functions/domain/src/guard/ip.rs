//! Which addresses are public.
//!
//! IPv4 is a deny list, because nearly all of it is public. IPv6 is denied by default: only
//! `2000::/3` is allocated, so one rule covers every range that no list names yet (RFC 4291; the
//! registries are IANA's special-purpose address registries, since RFC 6890 is outdated).

use super::{DenyReason, EgressPolicy};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

impl EgressPolicy {
    /// Accepts a public address, or one in the operator's own ranges.
    ///
    /// # Errors
    /// Why the address is denied.
    pub fn check_address(&self, address: IpAddr) -> Result<(), DenyReason> {
        if self.allowed.iter().any(|net| net.contains(&address)) {
            // An allowed range admits the IPv6 address, not the IPv4 address embedded in it: behind
            // NAT64 an operator allows 64:ff9b::/96, and 64:ff9b::7f00:1 stays denied. Test:
            // an_allowed_nat64_range_still_judges_the_ipv4_inside.
            return match address {
                IpAddr::V6(v6) => embedded(v6).map_or(Ok(()), |v4| self.check_address(v4.into())),
                IpAddr::V4(_) => Ok(()),
            };
        }
        match address {
            IpAddr::V4(v4) => check_v4(v4),
            IpAddr::V6(v6) => check_v6(v6),
        }
    }
}

fn check_v4(address: Ipv4Addr) -> Result<(), DenyReason> {
    Err(match address.octets() {
        [0, ..] => DenyReason::Unspecified, // RFC 791: 0 reaches this host on Linux
        [10, ..] => DenyReason::Private,    // RFC 1918
        [100, 64..=127, ..] => DenyReason::Cgnat, // RFC 6598; holds Alibaba's metadata
        [127, ..] => DenyReason::Loopback,  // RFC 1122; holds Lambda's Runtime API
        [169, 254, ..] => DenyReason::LinkLocal, // RFC 3927; holds EC2's, ECS's and EKS's metadata
        [172, 16..=31, ..] => DenyReason::Private, // RFC 1918
        [192, 0, 0, _] => DenyReason::Reserved, // RFC 6890; holds Oracle's metadata
        [192, 0, 2, _] => DenyReason::Documentation, // RFC 5737
        [192, 88, 99, _] => DenyReason::Reserved, // RFC 7526, 6to4 relays
        [192, 168, ..] => DenyReason::Private, // RFC 1918
        [198, 18 | 19, ..] => DenyReason::Benchmark, // RFC 2544
        [198, 51, 100, _] => DenyReason::Documentation, // RFC 5737
        [203, 0, 113, _] => DenyReason::Documentation, // RFC 5737
        [224..=239, ..] => DenyReason::Multicast, // RFC 5771
        [240..=255, ..] => DenyReason::Reserved, // RFC 1112
        [168, 63, 129, 16] => DenyReason::Metadata, // Azure's WireServer: public space, in no registry
        _ => return Ok(()),
    })
}

fn check_v6(address: Ipv6Addr) -> Result<(), DenyReason> {
    if let Some(inside) = embedded(address) {
        return Err(match check_v4(inside) {
            Err(DenyReason::Loopback) => DenyReason::LoopbackV6,
            Err(DenyReason::LinkLocal | DenyReason::Metadata) => DenyReason::MetadataV6,
            // An embedded public IPv4 address is denied too: no legitimate AAAA record contains
            // one.
            Ok(()) | Err(_) => DenyReason::EmbedsV4,
        });
    }
    Err(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => DenyReason::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => DenyReason::LoopbackV6,
        [0x0100, 0, 0, 0 | 1, ..] => DenyReason::Discard, // RFC 6666, RFC 9780
        [0x2001, 0..=0x01ff, ..] => DenyReason::V6Protocol, // RFC 2928; Teredo, ORCHID, benchmarks
        [0x2001, 0x0db8, ..] => DenyReason::Documentation, // RFC 3849
        [0x3fff, 0..=0x0fff, ..] => DenyReason::Documentation, // RFC 9637
        [0x2000..=0x3fff, ..] => return Ok(()),           // RFC 4291: global unicast
        [0xfd00, 0x0ec2, ..] => DenyReason::MetadataV6, // EC2's and EKS's metadata, inside fc00::/7
        [0xfc00..=0xfdff, ..] => DenyReason::Private,   // RFC 4193
        [0xfe80..=0xfebf, ..] => DenyReason::LinkLocal, // RFC 4291
        [0xfec0..=0xfeff, ..] => DenyReason::Private,   // RFC 3879, site-local
        [0xff00..=0xffff, ..] => DenyReason::Multicast, // RFC 4291
        [0..=0x00ff, ..] | [0x5f00, ..] => DenyReason::V6Reserved, // RFC 4291; RFC 9602
        _ => DenyReason::V6Unallocated,
    })
}

/// The IPv4 address that an IPv6 address carries for a translator or a tunnel.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,      // not IPv4-compatible: unspecified and loopback
        [0, 0, 0, 0, 0, 0 | 0xffff | 0x5efe, high, low]   // RFC 4291 compatible and mapped, RFC 5214 ISATAP
        | [0, 0, 0, 0, 0xffff, 0, high, low]              // RFC 2765 SIIT
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]         // RFC 6052 NAT64
        | [0x0064, 0xff9b, 1, _, _, _, high, low]         // RFC 8215 local-use NAT64
        | [0x2002, high, low, ..] => (high, low),         // RFC 3056 6to4
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strict(address: &str) -> Result<(), DenyReason> {
        EgressPolicy::default().check_address(address.parse().unwrap())
    }

    /// The oracle's ranges, as first address and prefix length. Written independently of the match
    /// above: other notation, other arithmetic.
    const V4: &[(u32, u32)] = &[
        (0x0000_0000, 8),
        (0x0a00_0000, 8),
        (0x6440_0000, 10),
        (0x7f00_0000, 8),
        (0xa9fe_0000, 16),
        (0xac10_0000, 12),
        (0xc000_0000, 24),
        (0xc000_0200, 24),
        (0xc058_6300, 24),
        (0xc0a8_0000, 16),
        (0xc612_0000, 15),
        (0xc633_6400, 24),
        (0xcb00_7100, 24),
        (0xe000_0000, 4),
        (0xf000_0000, 4),
        (0xa83f_8110, 32),
    ];
    /// Holes inside 2000::/3, as the first 64 bits and prefix length.
    const V6_HOLES: &[(u64, u32)] = &[
        (0x2001_0000_0000_0000, 23),
        (0x2001_0db8_0000_0000, 32),
        (0x2002_0000_0000_0000, 16),
        (0x3fff_0000_0000_0000, 20),
    ];

    fn oracle_denies_v4(bits: u32) -> bool {
        V4.iter()
            .any(|&(first, length)| (bits ^ first).leading_zeros() >= length)
    }

    fn oracle_denies_v6(bits: u128) -> bool {
        let top = (bits >> 64) as u64;
        top >> 61 != 1
            || V6_HOLES
                .iter()
                .any(|&(first, length)| (top ^ first).leading_zeros() >= length)
    }

    /// Uniform numbers seldom hit a range: half of the cases are within two of an edge, or share a
    /// range's prefix.
    fn v4_near_the_edges() -> impl Strategy<Value = u32> {
        let edge = (0..V4.len(), any::<bool>(), -2i32..=2).prop_map(|(row, end, step)| {
            let (first, length) = V4[row];
            let last = first | u32::MAX.checked_shr(length).unwrap_or(0);
            (if end { last } else { first }).wrapping_add_signed(step)
        });
        prop_oneof![any::<u32>(), edge]
    }

    fn v6_near_the_edges() -> impl Strategy<Value = u128> {
        let starts: Vec<(u128, u32)> = [
            "::/8",
            "::ffff:0:0/96",
            "::ffff:0:0:0/96",
            "::5efe:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "100:0:0:1::/64",
            "2000::/3",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ]
        .iter()
        .map(|text| text.parse::<ipnet::Ipv6Net>().unwrap())
        .map(|net| (u128::from(net.network()), u32::from(net.prefix_len())))
        .collect();
        let inside = (0..starts.len(), any::<u128>(), 0u8..4, -2i128..=2).prop_map(
            move |(row, noise, mode, step)| {
                let (first, length) = starts[row];
                let free = u128::MAX >> length;
                match mode {
                    0 => first.wrapping_add_signed(step),
                    1 => (first | free).wrapping_add_signed(step),
                    2 => first | (noise & free),
                    _ => first | (noise & free & 0xffff_ffff),
                }
            },
        );
        prop_oneof![any::<u128>(), inside]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_ipv4_agrees_with_the_oracle(bits in v4_near_the_edges()) {
            let verdict = EgressPolicy::default().check_address(Ipv4Addr::from_bits(bits).into());
            prop_assert_eq!(verdict.is_err(), oracle_denies_v4(bits), "{}", Ipv4Addr::from_bits(bits));
        }

        #[test]
        fn random_ipv6_agrees_with_the_oracle(bits in v6_near_the_edges()) {
            let verdict = EgressPolicy::default().check_address(Ipv6Addr::from_bits(bits).into());
            prop_assert_eq!(verdict.is_err(), oracle_denies_v6(bits), "{}", Ipv6Addr::from_bits(bits));
        }
    }

    #[test]
    fn every_embedding_of_a_metadata_address_is_called_metadata() {
        for address in [
            "::a9fe:a9fe",
            "::ffff:169.254.169.254",
            "::ffff:0:a9fe:a9fe",
            "::5efe:a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::254",
        ] {
            assert_eq!(strict(address), Err(DenyReason::MetadataV6), "{address}");
        }
        assert_eq!(strict("::ffff:8.8.8.8"), Err(DenyReason::EmbedsV4));
        assert_eq!(strict("::"), Err(DenyReason::Unspecified));
    }

    #[test]
    fn an_allowed_range_wins_over_the_deny_list_and_opens_nothing_else() {
        let policy = EgressPolicy::new(
            vec!["10.1.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()],
            false,
            vec![],
        );
        for (address, allowed) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("fd13::1", false),
            ("::ffff:10.1.2.3", false),
        ] {
            assert_eq!(
                policy.check_address(address.parse().unwrap()).is_ok(),
                allowed,
                "{address}"
            );
        }
    }

    #[test]
    fn an_allowed_nat64_range_still_judges_the_ipv4_inside() {
        let policy = EgressPolicy::new(vec!["64:ff9b::/96".parse().unwrap()], false, vec![]);
        assert_eq!(
            policy.check_address("64:ff9b::808:808".parse().unwrap()),
            Ok(())
        );
        assert_eq!(
            policy.check_address("64:ff9b::7f00:1".parse().unwrap()),
            Err(DenyReason::Loopback)
        );
    }
}
