//! The API: whether it is up, its version, what the key may do, and how right the clock is.

use std::time::Duration;

use domain::time::Time;

use super::findings::Findings;
use super::site::Site;
use crate::api::{Client, operations};
use crate::failure::Exit;
use crate::output::text;
use crate::when;

/// From here on the clocks differ noticeably; the header `Date` has whole seconds.
const SKEW: Duration = Duration::from_secs(5);
/// Receivers and AWS refuse signatures that are older (Standard Webhooks 1.0; AWS Signature
/// Version 4).
const MAX_SKEW: Duration = Duration::from_secs(300);

/// The API without and with the key: health, version, clock and key, a check each.
pub(super) async fn all(site: &Site) -> [(&'static str, Findings); 4] {
    let Some(client) = &site.api else {
        let none = || Findings::not_seen("The API's address is not known.", "See `stack` here.");
        return [
            ("api", none()),
            ("version", none()),
            ("clock", none()),
            ("api-key", none()),
        ];
    };
    let (mut api, mut version, mut clock) = (
        Findings::default(),
        Findings::default(),
        Findings::default(),
    );
    let before = when::now();
    match client.send(&operations::HEALTH.call()).await {
        Err(failure) => {
            api.failure("GET /health", &failure);
            version = Findings::not_seen("The API did not answer.", "");
            clock = Findings::not_seen("The API did not answer.", "");
        }
        Ok(response) => {
            let took = when::now().since(before);
            api.fine(format!(
                "{} answers, in {} ms.",
                client.target.url,
                took.as_millis()
            ));
            compare(&mut version, &text(&response.body, "version"));
            match response.date.as_deref().and_then(Time::parse_http_date) {
                Some(date) => skew(&mut clock, date, before, when::now()),
                None => clock = Findings::not_seen("The API's response has no date.", ""),
            }
        }
    }
    [
        ("api", api),
        ("version", version),
        ("clock", clock),
        ("api-key", key(client).await),
    ]
}

fn compare(findings: &mut Findings, stack: &str) {
    let own = env!("CARGO_PKG_VERSION");
    match stack == own {
        true => findings.fine(format!("Stack and command line are {own}.")),
        false => findings.warn(
            format!("The stack is {stack}, the command line {own}."),
            "Build the command line from the version that you deployed, or deploy again.",
        ),
    }
}

fn skew(findings: &mut Findings, date: Time, before: Time, after: Time) {
    // `Date` is cut to the second.
    let behind = before.since(date.plus(Duration::from_millis(999)));
    let ahead = date.since(after);
    let (skew, way) = if behind > ahead {
        (behind, "ahead of")
    } else {
        (ahead, "behind")
    };
    let told = format!(
        "This machine's clock is {} {way} Postel's.",
        when::spoken(skew)
    );
    if skew > MAX_SKEW {
        findings.fail(told, "Set this machine's clock by NTP: AWS and receivers refuse signatures that are 5 minutes old.");
    } else if skew > SKEW {
        findings.warn(told, "Set this machine's clock by NTP.");
    } else {
        findings.fine(format!(
            "This machine's clock and Postel's agree within {} s.",
            SKEW.as_secs()
        ));
    }
}

async fn key(client: &Client) -> Findings {
    let mut findings = Findings::default();
    if client.target.key.is_none() {
        return Findings::not_seen(
            "There is no key: its secret was not read.",
            "See `secret` here, or set POSTEL_KEY.",
        );
    }
    match client.json(&operations::ME.call()).await {
        Ok(me) if text(&me, "kind") == "operator" => findings.fine("The operator's key works."),
        Ok(me) => findings.warn(
            format!(
                "The key is not the operator's but a {}'s.",
                text(&me, "kind")
            ),
            "Unset POSTEL_KEY: doctor reads the operator's key from the stack's secret.",
        ),
        Err(failure) if failure.exit == Exit::Key => {
            let source = match std::env::var_os("POSTEL_KEY") {
                Some(_) => "Unset POSTEL_KEY, or set it to the operator's key.",
                None => {
                    "Was the secret changed less than a minute plus AuthorizerTtlSeconds ago? Else see the log of the function authorizer."
                }
            };
            findings.fail(
                format!(
                    "The API refuses the key: {} ({})",
                    failure.detail, failure.code
                ),
                source,
            );
        }
        Err(failure) => findings.failure("GET /v1/me", &failure),
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::findings::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_with_its_direction() {
        let at = |seconds: i64| Time::from_millis(seconds * 1000);
        for (date, verdict, word) in [
            (100, Verdict::Ok, "agree"),
            (140, Verdict::Warn, "behind"),
            (60, Verdict::Warn, "ahead of"),
            (1000, Verdict::Fail, "behind"),
        ] {
            let mut findings = Findings::default();
            skew(&mut findings, at(date), at(100), at(101));
            assert_eq!(findings.verdict(), verdict, "{date}");
            assert!(findings.detail().contains(word), "{}", findings.detail());
        }
    }
}
