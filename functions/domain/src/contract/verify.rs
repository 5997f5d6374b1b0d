//! Verifies a request as its receiver would: from its headers and its body, and with the webhook's
//! secrets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Contract;
use super::sign::{Secret, SignatureScheme, SigningInput};
use crate::time::Time;

/// How far a signed time may be from the receiver's clock (Standard Webhooks 1.0, "Verifying
/// webhook authenticity").
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// What a receiver that verifies a request finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureCheck {
    /// Whether all checks passed.
    pub is_valid: bool,
    /// The header that has the signature.
    pub header: String,
    /// The checks in their order.
    pub checks: Vec<Check>,
}

/// One check of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub kind: CheckKind,
    /// Whether it passed.
    pub has_passed: bool,
    /// What was found, in a sentence.
    pub detail: String,
}

/// What is checked of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The request has the header.
    Header,
    /// The signed time is near the receiver's. Only where the signed text has a time.
    Timestamp,
    /// A signature in the header was made with a secret of the webhook.
    Signature,
}

impl CheckKind {
    /// All, for the document.
    pub const ALL: [Self; 3] = [Self::Header, Self::Timestamp, Self::Signature];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Timestamp => "timestamp",
            Self::Signature => "signature",
        }
    }
}

fn check(kind: CheckKind, has_passed: bool, detail: impl Into<String>) -> Check {
    Check {
        kind,
        has_passed,
        detail: detail.into(),
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut headers = headers.iter();
    let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(&found.1)
}

impl Contract {
    /// Verifies a request; `None` if the contract does not sign. Only for requests that Postel has
    /// sent itself: it tells how far a signature is right.
    #[must_use]
    pub fn verify(
        &self,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &[Secret],
        now: Time,
    ) -> Option<SignatureCheck> {
        let scheme = self.signature.as_ref()?;
        let sent = value(headers, &scheme.header);
        let signed_at = self.signed_time(scheme, headers);
        let mut checks = vec![match sent {
            Some(_) => check(CheckKind::Header, true, "The request has the header."),
            None => check(CheckKind::Header, false, "The request lacks the header."),
        }];
        checks.extend(signed_at.map(|at| check_time(at, now)));
        let id = value(headers, "webhook-id").unwrap_or_default();
        let at = signed_at.flatten().unwrap_or(Time::from_millis(0));
        let moment = SigningInput { id, at, body };
        checks.push(check_signatures(scheme, sent, secrets, &moment));
        Some(SignatureCheck {
            is_valid: checks.iter().all(|check| check.has_passed),
            header: scheme.header.clone(),
            checks,
        })
    }

    /// The time that the signed text has, as the headers tell it: `None` if the text has no time,
    /// `Some(None)` if no header tells it.
    fn signed_time(
        &self,
        scheme: &SignatureScheme,
        headers: &[(String, String)],
    ) -> Option<Option<Time>> {
        let text = &scheme.signed_text;
        if text.names_time_in_rfc3339() {
            let mut own = self.headers.iter();
            let header = own.find(|(_, template)| template.is_time_in_rfc3339());
            let sent = header.and_then(|(name, _)| value(headers, name));
            return Some(sent.and_then(Time::parse_rfc3339));
        }
        text.names_time().then(|| {
            let seconds: i64 = value(headers, "webhook-timestamp")?.parse().ok()?;
            Some(Time::from_millis(seconds.checked_mul(1000)?))
        })
    }
}

fn check_time(signed_at: Option<Time>, now: Time) -> Check {
    let Some(at) = signed_at else {
        return check(
            CheckKind::Timestamp,
            false,
            "No header has the time that is signed.",
        );
    };
    let distance = now.since(at).max(at.since(now));
    let minutes = TOLERANCE.as_secs() / 60;
    match distance <= TOLERANCE {
        true => check(
            CheckKind::Timestamp,
            true,
            format!("The signed time is within {minutes} minutes of the receipt."),
        ),
        false => check(
            CheckKind::Timestamp,
            false,
            format!("The signed time is more than {minutes} minutes from the receipt."),
        ),
    }
}

fn check_signatures(
    scheme: &SignatureScheme,
    sent: Option<&str>,
    secrets: &[Secret],
    moment: &SigningInput<'_>,
) -> Check {
    let text = scheme.signed_text.filled(moment);
    // Compared in variable time: nobody but Postel sends what is verified here.
    let right: Vec<_> = secrets
        .iter()
        .filter_map(|secret| scheme.one(secret, &text))
        .collect();
    let sent: Vec<&str> = match (sent, scheme.several) {
        (None, _) => Vec::new(),
        (Some(value), true) => value.split(' ').collect(),
        (Some(value), false) => vec![value],
    };
    let matching = sent
        .iter()
        .filter(|one| right.iter().any(|right| right == *one))
        .count();
    let detail = match (matching, sent.len()) {
        (_, 0) => "There is no signature to check.".to_owned(),
        (0, _) => "No signature matches a secret of the webhook.".to_owned(),
        (1, 1) => "The signature matches a secret of the webhook.".to_owned(),
        (matching, all) => format!("{matching} of {all} signatures match a secret of the webhook."),
    };
    check(CheckKind::Signature, matching > 0, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{builtin, builtin_names};
    use crate::flow::request_headers;

    const NOW: Time = Time::from_millis(1_800_000_000_500);
    const BODY: &[u8] = b"{\"a\":1}";

    fn secrets() -> Vec<Secret> {
        let new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let old = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        [new, old].map(|text| Secret::new(text.to_owned())).into()
    }

    fn sent(contract: &Contract, secrets: &[Secret]) -> Vec<(String, String)> {
        let moment = SigningInput {
            id: "evt_1",
            at: NOW,
            body: BODY,
        };
        let scheme = contract.signature.as_ref().unwrap();
        let signature = scheme.value(secrets, &moment);
        request_headers(contract, &moment, signature.as_deref(), "Postel/1")
    }

    fn failed(found: &SignatureCheck) -> Vec<&'static str> {
        assert_eq!(found.is_valid, found.checks.iter().all(|c| c.has_passed));
        let failed = found.checks.iter().filter(|check| !check.has_passed);
        failed.map(|check| check.kind.as_str()).collect()
    }

    #[test]
    fn what_a_contract_signs_is_valid_and_a_changed_byte_is_not() {
        let mut signing = 0;
        for name in builtin_names() {
            let contract = builtin(name).unwrap();
            if contract.signature.is_none() {
                assert_eq!(contract.verify(&[], BODY, &secrets(), NOW), None);
                continue;
            }
            signing += 1;
            let headers = sent(&contract, &secrets()[..1]);
            let found = contract.verify(&headers, BODY, &secrets(), NOW).unwrap();
            assert_eq!(failed(&found), [""; 0], "{name}");
            let changed = contract.verify(&headers, b"{\"a\":2}", &secrets(), NOW);
            assert_eq!(failed(&changed.unwrap()), ["signature"], "{name}");
            let other = contract.verify(&headers, BODY, &secrets()[1..], NOW);
            assert_eq!(failed(&other.unwrap()), ["signature"], "{name}");
            let bare = contract.verify(&[], BODY, &secrets(), NOW).unwrap();
            assert!(failed(&bare).starts_with(&["header"]), "{name}");
        }
        assert!(signing >= 4, "{signing}");
    }

    #[test]
    fn of_a_rotation_each_signature_is_checked() {
        let standard = builtin("standard").unwrap();
        let headers = sent(&standard, &secrets());
        let detail = |secrets: &[Secret]| {
            let found = standard.verify(&headers, BODY, secrets, NOW).unwrap();
            found.checks.last().unwrap().detail.clone()
        };
        let both = "2 of 2 signatures match a secret of the webhook.";
        assert_eq!(detail(&secrets()), both);
        let one = "1 of 2 signatures match a secret of the webhook.";
        assert_eq!(detail(&secrets()[1..]), one);
    }

    #[test]
    fn a_signed_time_is_near_the_receivers_clock() {
        let standard = builtin("standard").unwrap();
        let headers = sent(&standard, &secrets());
        let at = |now| failed(&standard.verify(&headers, BODY, &secrets(), now).unwrap());
        assert_eq!(
            at(NOW.plus(TOLERANCE).minus(Duration::from_secs(1))),
            [""; 0]
        );
        assert_eq!(at(NOW.plus(TOLERANCE)), ["timestamp"]);
        assert_eq!(
            at(NOW.minus(TOLERANCE + Duration::from_secs(1))),
            ["timestamp"]
        );
        let mut changed = headers.clone();
        for (name, value) in &mut changed {
            if name == "webhook-timestamp" {
                *value = (NOW.seconds() + 1).to_string();
            }
        }
        let found = standard.verify(&changed, BODY, &secrets(), NOW).unwrap();
        assert_eq!(failed(&found), ["signature"]);
    }

    #[test]
    fn a_time_that_is_signed_in_rfc3339_is_read_from_the_header_that_has_it() {
        let mut contract = builtin("standard").unwrap();
        let template = |text: &str| super::super::Template::try_from(text.to_owned()).unwrap();
        let scheme = contract.signature.as_mut().unwrap();
        scheme.signed_text = template("{timestampIso}.{body}");
        let found = |contract: &Contract| {
            let headers = sent(contract, &secrets());
            failed(&contract.verify(&headers, BODY, &secrets(), NOW).unwrap())
        };
        assert_eq!(found(&contract), ["timestamp", "signature"]);
        let header = ("X-Time".to_owned(), template("{timestampIso}"));
        contract.headers.extend([header]);
        assert_eq!(found(&contract), [""; 0]);
    }
}
