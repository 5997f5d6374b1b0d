//! Deliveries for independent verification: under the contract `standard`, rendered and signed by
//! the dispatcher's own code.

use domain::contract::{Secret, SignatureScheme, SigningInput, builtin};
use domain::event::Event;
use domain::flow::{request_body, request_headers};
use domain::ids::WebhookId;
use domain::payload::{Content, Payload};
use domain::time::Time;
use domain::ulid::Ulid;

/// The bytes of standard base64, to write secrets with; independent of the crate that reads them.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PLAIN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// One delivery as it is sent, and the secrets that sign it.
pub struct Message {
    pub secrets: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// `count` deliveries at a time in unix seconds, from a seed: bodies, ids, secrets, and how many
/// secrets of a rotation still sign.
#[must_use]
pub fn messages(count: usize, seed: u64, at: i64) -> Vec<Message> {
    let mut chance = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| message(&mut chance, at)).collect()
}

fn message(chance: &mut fastrand::Rng, at: i64) -> Message {
    let secrets: Vec<String> = (0..chance.usize(1..=3)).map(|_| secret(chance)).collect();
    let event = event(chance);
    let standard = builtin("standard").expect("it is built in");
    let webhook = WebhookId::new(chance.u128(..).to_be_bytes());
    let content = event.payload.content().expect("it is not erased");
    let nothing = std::collections::BTreeMap::new();
    let body = request_body(&standard, &event, content, &webhook, None, &nothing);
    let moment = SigningInput {
        id: event.id.as_str(),
        at: Time::from_millis(at * 1000 + chance.i64(0..1000)),
        body: &body,
    };
    let signature = sign(
        standard.signature.as_ref().expect("it signs"),
        &secrets,
        &moment,
    );
    let headers = request_headers(&standard, &moment, Some(&signature), "Postel/test");
    Message {
        secrets,
        headers,
        body,
    }
}

/// The signature header's value.
#[must_use]
pub fn sign(rule: &SignatureScheme, secrets: &[String], moment: &SigningInput<'_>) -> String {
    let secrets: Vec<Secret> = secrets.iter().cloned().map(Secret::new).collect();
    rule.value(&secrets, moment)
        .expect("a secret that can sign")
}

/// 24 to 64 bytes.
pub fn secret(chance: &mut fastrand::Rng) -> String {
    let mut bytes = vec![0; chance.usize(24..=64)];
    chance.fill(&mut bytes);
    let mut text = "whsec_".to_owned();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, n| {
            bits << 8 | u32::from(*three.get(n).unwrap_or(&0))
        });
        for n in 0..4 {
            let sextet = (bits >> (18 - 6 * n)) as usize & 63;
            text.push(if n <= three.len() {
                char::from(ALPHABET[sextet])
            } else {
                '='
            });
        }
    }
    text
}

fn event(chance: &mut fastrand::Rng) -> Event {
    let id: String = (0..chance.usize(1..=64))
        .map(|_| char::from(PLAIN[chance.usize(0..PLAIN.len())]))
        .collect();
    Event {
        tenant: "acme".parse().expect("an id"),
        key: Ulid::new(Time::from_millis(chance.i64(0..4_000_000_000_000)), [7; 10]),
        id: id.parse().expect("an id"),
        event_type: "item.created".parse().expect("a type"),
        timestamp: "2026-01-31T12:00:00Z".to_owned(),
        payload: Payload::Kept(Content {
            data: json(chance, 4),
            context: std::collections::BTreeMap::new(),
        }),
        message_id: None,
        test: false,
    }
}

/// Any JSON, with spaces and escapes as people write them: it must arrive byte for byte.
fn json(chance: &mut fastrand::Rng, depth: u32) -> String {
    const SPACES: &[&str] = &["", " ", "\n", "\t "];
    match chance.u8(0..if depth == 0 { 4 } else { 6 }) {
        0 => one_of(
            chance,
            &[
                "null",
                "true",
                "1e-7",
                "0.10",
                "-0",
                "12345678901234567890123",
            ],
        )
        .to_owned(),
        1 => chance.i64(..).to_string(),
        2 | 3 => text(chance),
        kind => {
            let members: Vec<String> = (0..chance.usize(0..8))
                .map(|_| {
                    let name = if kind == 4 {
                        String::new()
                    } else {
                        text(chance) + ":"
                    };
                    format!(
                        "{}{name}{}{}",
                        one_of(chance, SPACES),
                        one_of(chance, SPACES),
                        json(chance, depth - 1)
                    )
                })
                .collect();
            let (open, close) = if kind == 4 { ('[', ']') } else { ('{', '}') };
            format!(
                "{open}{}{}{close}",
                members.join(","),
                one_of(chance, SPACES)
            )
        }
    }
}

fn one_of<'a>(chance: &mut fastrand::Rng, texts: &[&'a str]) -> &'a str {
    texts[chance.usize(0..texts.len())]
}

fn text(chance: &mut fastrand::Rng) -> String {
    let mut text = String::from('"');
    for _ in 0..chance.usize(0..40) {
        match chance.u8(0..8) {
            0 => text.push_str(one_of(
                chance,
                &["\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "\\/"],
            )),
            1 => text.push(chance.char('\u{a0}'..='\u{10ffff}')),
            _ => text.push(chance.alphanumeric()),
        }
    }
    text + "\""
}
