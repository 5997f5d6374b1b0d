//! Postel's signatures, verified by the official Rust library of Standard Webhooks. The libraries
//! for Python and JavaScript: `test_signatures.py`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::contract::{SigningInput, builtin};
use domain::signing_secrets::SigningSecrets;
use domain::time::Time;
use http::HeaderMap;
use oracles::{Message, messages, secret, sign};
use standardwebhooks::Webhook;

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .try_into()
        .unwrap()
}

fn headers(message: &Message) -> HeaderMap {
    let pairs = message
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("webhook-"));
    pairs
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect::<Vec<(http::HeaderName, _)>>()
        .into_iter()
        .collect()
}

fn verifies(secret: &str, body: &[u8], headers: &HeaderMap) -> bool {
    Webhook::new(secret).unwrap().verify(body, headers).is_ok()
}

#[test]
fn a_thousand_deliveries_verify_with_each_secret_and_not_with_a_changed_byte() {
    let (mut verified, mut refused) = (0, 0);
    for (number, message) in messages(1000, 20261122, now()).iter().enumerate() {
        let right = headers(message);
        for secret in &message.secrets {
            assert!(
                verifies(secret, &message.body, &right),
                "{secret} {right:?}"
            );
            verified += 1;
        }
        let secret = &message.secrets[0];
        let mut body = message.body.clone();
        let place = number * 31 % body.len();
        // Keeps it UTF-8: the library accepts nothing else.
        body[place] = if body[place].is_ascii() {
            body[place] ^ 1
        } else {
            continue;
        };
        assert!(!verifies(secret, &body, &right));
        let mut other = right.clone();
        other.insert("webhook-id", "another".parse().unwrap());
        assert!(!verifies(secret, &message.body, &other));
        assert!(!verifies(
            "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB",
            &message.body,
            &right
        ));
        refused += 1;
    }
    println!(
        "{verified} signatures of 1000 deliveries verified; {refused} deliveries refused once changed"
    );
    assert!(verified > 1500 && refused > 800);
}

#[test]
fn both_secrets_verify_until_the_rotation_ends_and_the_old_one_not_a_second_later() {
    let mut chance = fastrand::Rng::with_seed(7);
    // The library requires current timestamps: the end of the rotation's overlap is now, or just
    // before or after.
    for round in 0..100 {
        let secrets = [secret(&mut chance), secret(&mut chance)];
        let end = now() * 1000 + round;
        let day = Duration::from_secs(86_400);
        let sealed = SigningSecrets::new("1".to_owned()).rotated(
            "0".to_owned(),
            Time::from_millis(end - 86_400_000),
            day,
            true,
        );
        for (at, old_signs) in [
            (end - 86_399_999, true),
            (end - 1000, true),
            (end - 1, true),
            (end, false),
            (end + 1000, false),
        ] {
            let used: Vec<String> = sealed
                .signing_at(Time::from_millis(at), true)
                .map(|one| secrets[one.parse::<usize>().unwrap()].clone())
                .collect();
            let standard = builtin("standard").unwrap();
            // The signing secrets are those at `at`; their signatures have the current time, for
            // the library.
            let moment = SigningInput {
                id: "evt_1",
                at: Time::from_millis(now() * 1000),
                body: b"{}",
            };
            let value = sign(&standard.signature.unwrap(), &used, &moment);
            let mut sent = HeaderMap::new();
            sent.insert("webhook-id", "evt_1".parse().unwrap());
            sent.insert("webhook-timestamp", moment.at.seconds().into());
            sent.insert("webhook-signature", value.parse().unwrap());
            assert!(verifies(&secrets[0], b"{}", &sent));
            assert_eq!(
                verifies(&secrets[1], b"{}", &sent),
                old_signs,
                "{} ms after the end",
                at - end
            );
        }
    }
}
