//! `postel verify`: checks the signature of a request with the code that signs.

use domain::contract::{Contract, Secret, SignatureCheck, builtin, builtin_names};
use domain::safe_text::SafeText;
use domain::time::Time;
use serde_json::{Value, json};

use crate::api::operations;
use crate::context::{Context, Options};
use crate::failure::{Done, Exit, Failure};
use crate::output::{Output, Paint};
use crate::{ask, input, when};

/// Check the signature of a request that a receiver got.
///
/// The request is its text (a line for each header, an empty line, the body) or JSON with `headers`
/// and `body`. Exit code 1 if the signature is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The request in a file; `-` for standard input
    #[arg(default_value = "-")]
    request: String,
    /// The contract; without it, each built-in one is tried. One of your own is read from the API
    #[arg(long)]
    contract: Option<String>,
    /// The webhook's secret in a file; without it POSTEL_SECRET, or a question
    #[arg(long)]
    secret_file: Option<String>,
    /// When the receiver got it, in RFC 3339; without it, the age is not checked
    #[arg(long, value_parser = when::time)]
    at: Option<String>,
}

/// A request as its receiver got it.
#[derive(Debug, PartialEq, Eq)]
struct Received {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Verify {
    pub(super) async fn run(self, options: &Options) -> Done {
        let out = Output::new(options.json);
        let received = parse(&input::bytes(&self.request)?)?;
        let secret = self.secret()?;
        let contracts = match &self.contract {
            None => builtin_names().filter_map(builtin).collect(),
            Some(name) => vec![match builtin(name) {
                Some(contract) => contract,
                None => own(options, name).await?,
            }],
        };
        let at = self.at.as_deref().and_then(Time::parse_rfc3339);
        let found = find(&contracts, &received, &secret, at);
        let Some((name, check)) = found else {
            let detail = "The request has no header that a contract signs with.";
            return Err(Failure::new(Exit::Refused, "unsigned", detail)
                .hint("Copy all headers. `postel deliveries get ID` shows those that were sent."));
        };
        let advice = (!check.is_valid)
            .then(|| advice(&contracts, &received, &secret, at))
            .flatten();
        let checks: Vec<Value> = check
            .checks
            .iter()
            .map(|check| json!({"name": check.kind.as_str(), "passed": check.has_passed, "detail": check.detail}))
            .collect();
        let value = json!({"valid": check.is_valid, "contract": name, "header": check.header, "checks": checks, "advice": advice});
        if out.json {
            out.json(&value)?;
        } else {
            for check in &check.checks {
                let (mark, paint) = if check.has_passed {
                    ("ok   ", Paint::Good)
                } else {
                    ("wrong", Paint::Bad)
                };
                out.line(&format!(
                    "{}  {:<9}  {}",
                    out.paint(paint, mark),
                    check.kind.as_str(),
                    SafeText::from(check.detail.as_str())
                ))?;
            }
            match (check.is_valid, advice) {
                (true, _) => out.line(&format!(
                    "Genuine under the contract {name} ({}).",
                    check.header
                ))?,
                (false, Some(advice)) => out.line(advice)?,
                (false, None) => out.line(&format!(
                    "Not genuine under the contract {name} ({}): another secret, or another body.",
                    check.header
                ))?,
            }
        }
        Ok(if check.is_valid {
            Exit::Done
        } else {
            Exit::Refused
        })
    }

    fn secret(&self) -> Result<String, Failure> {
        let text = match (&self.secret_file, std::env::var("POSTEL_SECRET")) {
            (Some(file), _) => input::text(file)?,
            (None, Ok(secret)) if !secret.is_empty() => secret,
            // Standard input is the request.
            _ if self.request == "-" => {
                return Err(Failure::usage("There is no secret.")
                    .hint("Set POSTEL_SECRET, or name its file: --secret-file."));
            }
            _ => ask::secret("Secret: ")?,
        };
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// A contract of the operator's own.
async fn own(options: &Options, name: &str) -> Result<Contract, Failure> {
    let context = Context::new(options.clone())?;
    let mut value = context
        .client
        .json(&operations::CONTRACT.call().at("contractName", name))
        .await?;
    if let Some(members) = value.as_object_mut() {
        members.remove("builtin");
    }
    serde_json::from_value(value).map_err(|error| {
        Failure::usage(format!("The contract {name} cannot be read: {error}."))
            .hint("This program may be older than the stack: `postel health` shows both versions.")
    })
}

/// The request from its text or from JSON.
fn parse(bytes: &[u8]) -> Result<Received, Failure> {
    let wrong = || {
        Failure::usage("This is no request.").hint(
            "Paste the headers, an empty line and the body, or JSON with `headers` and `body`.",
        )
    };
    if let Ok(Value::Object(mut value)) = serde_json::from_slice(bytes) {
        if let Some(Value::Object(request)) = value.remove("request") {
            value = request;
        }
        let headers = value
            .get("headers")
            .and_then(Value::as_object)
            .ok_or_else(wrong)?;
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let body = value
            .get("body")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .as_bytes()
            .to_vec();
        return Ok(Received { headers, body });
    }
    let mut headers = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, tail) = rest.split_at(end + 1);
        rest = tail;
        let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        match line.split_once(':') {
            _ if line.is_empty() && headers.is_empty() => {}
            _ if line.is_empty() => {
                return Ok(Received {
                    headers,
                    body: rest.to_vec(),
                });
            }
            Some((name, value)) if !name.contains(' ') => {
                headers.push((name.to_owned(), value.trim().to_owned()))
            }
            // `POST /hook HTTP/1.1`
            _ if headers.is_empty() => {}
            _ => return Err(wrong()),
        }
    }
    Err(wrong())
}

/// The contract whose signature is right, or the one whose header the request has.
fn find<'a>(
    contracts: &'a [Contract],
    received: &Received,
    secret: &str,
    at: Option<Time>,
) -> Option<(&'a str, SignatureCheck)> {
    let secrets = [Secret::new(secret.to_owned())];
    let mut best: Option<(&str, SignatureCheck)> = None;
    for contract in contracts {
        // A pasted request is old. Its age is checked only if the time of its receipt is named.
        let received_at = at
            .or_else(|| signed_at(&received.headers))
            .unwrap_or_else(when::now);
        let Some(check) = contract.verify(&received.headers, &received.body, &secrets, received_at)
        else {
            continue;
        };
        let passed =
            |check: &SignatureCheck| check.checks.iter().filter(|check| check.has_passed).count();
        let has_header = check.checks.first().is_some_and(|check| check.has_passed);
        let is_better = best.as_ref().is_none_or(|(_, known)| {
            (check.is_valid, passed(&check)) > (known.is_valid, passed(known))
        });
        if (has_header || contracts.len() == 1) && is_better {
            best = Some((&contract.name, check));
        }
    }
    best
}

fn signed_at(headers: &[(String, String)]) -> Option<Time> {
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("webhook-timestamp"))?;
    Some(Time::from_millis(
        value.parse::<i64>().ok()?.checked_mul(1000)?,
    ))
}

/// Which mistake it is, found by undoing each of the frequent ones.
fn advice(
    contracts: &[Contract],
    received: &Received,
    secret: &str,
    at: Option<Time>,
) -> Option<&'static str> {
    let is_valid = |body: Vec<u8>, secret: &str, at: Option<Time>| {
        let changed = Received {
            headers: received.headers.clone(),
            body,
        };
        find(contracts, &changed, secret, at).is_some_and(|(_, check)| check.is_valid)
    };
    let body = || received.body.clone();
    let trimmed = received.body.trim_ascii_end().to_vec();
    let compact = || {
        serde_json::from_slice::<Value>(&received.body)
            .ok()
            .map(|value| value.to_string().into_bytes())
    };
    if at.is_some() && is_valid(body(), secret, None) {
        return Some(
            "The signature is right, but the request was more than 5 minutes old: check the receiver's clock, or whether somebody repeated it.",
        );
    }
    if trimmed.len() < received.body.len() && is_valid(trimmed, secret, None) {
        return Some(
            "Genuine without the line break at the end of the body: the file or the paste has added it.",
        );
    }
    if is_valid(body(), secret.trim(), None) {
        return Some("Genuine with the secret without the spaces around it.");
    }
    let other = match secret.strip_prefix("whsec_") {
        Some(bare) => bare.to_owned(),
        None => format!("whsec_{secret}"),
    };
    if is_valid(body(), &other, None) {
        return Some(
            "Genuine with the secret in its other form: `whsec_` is a part of this contract's secret, or it is not.",
        );
    }
    if compact().is_some_and(|body| is_valid(body, secret, None)) {
        return Some(
            "Genuine as compact JSON: something has formatted the body. Verify the bytes before anything parses them.",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use domain::contract::SigningInput;

    use super::*;

    const BODY: &str = "{\"type\":\"a\",\"data\":{\"n\":1.0}}";
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const AT: Time = Time::from_millis(1_800_000_000_000);

    fn request(contract: &Contract) -> String {
        let scheme = contract.signature.as_ref().unwrap();
        let moment = SigningInput {
            id: "evt_1",
            at: AT,
            body: BODY.as_bytes(),
        };
        let value = scheme
            .value(&[Secret::new(SECRET.to_owned())], &moment)
            .unwrap();
        let time = "webhook-id: evt_1\r\nWebhook-Timestamp: 1800000000\r\nX-Kliq-Timestamp: 1800000000\r\n";
        format!(
            "POST /hook HTTP/1.1\r\nHost: a\r\n{time}{}: {value}\r\n\r\n{BODY}",
            scheme.header
        )
    }

    fn all() -> Vec<Contract> {
        builtin_names().filter_map(builtin).collect()
    }

    #[test]
    fn a_genuine_request_is_known_under_each_contract_that_signs() {
        let mut checked = 0;
        for contract in all().iter().filter(|contract| contract.signature.is_some()) {
            let received = parse(request(contract).as_bytes()).unwrap();
            let one = std::slice::from_ref(contract);
            let (_, check) = find(one, &received, SECRET, Some(AT)).unwrap();
            assert!(check.is_valid, "{}: {check:?}", contract.name);
            let (_, check) = find(
                one,
                &received,
                "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                Some(AT),
            )
            .unwrap();
            assert!(!check.is_valid, "{}", contract.name);
            checked += 1;
        }
        assert!(checked >= 4, "{checked}");
        let kuviq = builtin("kuviq").unwrap();
        let received = parse(request(&kuviq).as_bytes()).unwrap();
        assert!(find(&all(), &received, SECRET, None).unwrap().1.is_valid);
    }

    #[test]
    fn frequent_mistakes_are_named() {
        let standard = builtin("standard").unwrap();
        let text = request(&standard);
        let contracts = [standard];
        let told = |text: &str, secret: &str, at| {
            let received = parse(text.as_bytes()).unwrap();
            assert!(!find(&contracts, &received, secret, at).unwrap().1.is_valid);
            advice(&contracts, &received, secret, at).unwrap_or("none")
        };
        assert!(told(&format!("{text}\n"), SECRET, None).contains("line break"));
        assert!(told(&text.replace("\"data\":{", "\"data\": {"), SECRET, None).contains("compact"));
        assert!(told(&text, &format!(" {SECRET}"), None).contains("spaces"));
        assert!(
            told(
                &text,
                SECRET,
                Some(AT.plus(std::time::Duration::from_secs(600)))
            )
            .contains("5 minutes")
        );
        assert_eq!(told(&text.replace("1.0", "2.0"), SECRET, None), "none");
        let kuviq = builtin("kuviq").unwrap();
        let received = parse(request(&kuviq).as_bytes()).unwrap();
        let bare = SECRET.strip_prefix("whsec_").unwrap();
        assert!(
            advice(&[kuviq], &received, bare, None)
                .unwrap()
                .contains("whsec_")
        );
    }

    #[test]
    fn a_request_is_read_from_its_text_and_from_json() {
        let expected = Received {
            headers: vec![("A-B".to_owned(), "c: d".to_owned())],
            body: b"{}\n\nx".to_vec(),
        };
        assert_eq!(parse(b"A-B: c: d\n\n{}\n\nx").unwrap(), expected);
        let json = r#"{"id": "dlv", "request": {"method": "POST", "headers": {"A-B": "c: d"}, "body": "{}\n\nx"}}"#;
        assert_eq!(parse(json.as_bytes()).unwrap(), expected);
        for text in ["", "hello", "{}", "[1]", "A: b"] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
