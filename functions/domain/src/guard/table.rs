//! The policy against `tests/fixtures/ssrf_urls.json`: each row's verdict and reason, as far as
//! they need no DNS.

use super::{DenyReason, EgressPolicy};
use serde_json::Value;

const ROWS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/ssrf_urls.json"
));
const OWN: &str = "this-api.execute-api.region.amazonaws.com";

/// The policy on AWS, with the host of its API.
pub(super) fn strict() -> EgressPolicy {
    EgressPolicy::new(vec![], false, vec![OWN.to_uppercase() + ". "])
}

#[test]
fn every_row_gets_its_verdict_and_its_reason() {
    let data: Value = serde_json::from_str(ROWS).unwrap();
    let mut judged = 0;
    for row in data["rows"].as_array().unwrap() {
        // The table abbreviates its one long URL.
        let url = row["url"]
            .as_str()
            .unwrap()
            .replace("/a*2100", &"/a".repeat(1050));
        let expected = if row["verdict"] == "reject" {
            row["reason"].as_str()
        } else {
            None
        };
        assert_eq!(
            strict().parse(&url).err().map(DenyReason::code),
            expected,
            "{row}"
        );
        judged += 1;
    }
    assert!(judged >= 150, "{judged}");
}

#[test]
fn every_denied_network_and_name_of_the_table_is_denied() {
    let data: Value = serde_json::from_str(ROWS).unwrap();
    for row in data["deny_ipv4"]
        .as_array()
        .unwrap()
        .iter()
        .chain(data["deny_ipv6"].as_array().unwrap())
    {
        let net: ipnet::IpNet = row["cidr"].as_str().unwrap().parse().unwrap();
        for address in [net.network(), net.broadcast()] {
            let denied = strict()
                .check_address(address)
                .expect_err("is in a denied network");
            assert!(
                net.addr().is_ipv6() || denied.code() == row["reason"],
                "{address}: {denied:?}"
            );
        }
    }
    for name in data["denied_names"].as_array().unwrap() {
        let name = name
            .as_str()
            .unwrap()
            .replace('*', "deep.host")
            .replace("single-label names", "single");
        assert_eq!(
            strict().parse(&format!("https://{name}/")).err(),
            Some(DenyReason::NameDenied),
            "{name}"
        );
    }
}

#[test]
fn what_was_accepted_is_accepted_again_in_its_normalised_form() {
    let data: Value = serde_json::from_str(ROWS).unwrap();
    for row in data["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["verdict"] == "allow")
    {
        let once = strict().parse(row["url"].as_str().unwrap()).unwrap();
        assert_eq!(strict().parse(once.as_str()), Ok(once.clone()));
        assert!(!once.host().is_empty());
    }
}
