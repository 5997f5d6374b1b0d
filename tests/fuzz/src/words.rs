//! Identifiers, keys, cursors and secrets: texts that identify a caller or a position.

use api::cursor::Cursors;
use domain::api_key;
use domain::contract::{Secret, SecretFormat};
use domain::ids::{DeadLetterId, DeliveryId, EventId, KeyId, TenantId, WebhookId};
use domain::time::Time;
use domain::ulid::Ulid;

use crate::{number, text, two};

/// A cursor: only an unchanged one of the same list is accepted.
pub fn cursor(data: &[u8]) {
    let cursors = Cursors::new(Secret::new("k".repeat(64)));
    let (change, rest) = number(data);
    let (list, place) = two(rest);
    let sealed = cursors.seal(&list, &place);
    assert_eq!(cursors.open(&list, &sealed).as_deref(), Ok(place.as_str()));
    assert!(cursors.open(&format!("{list}x"), &sealed).is_err());
    assert!(
        Cursors::new(Secret::new("other".to_owned()))
            .open(&list, &sealed)
            .is_err()
    );
    // Any text other than the authentic one: the caller's own, and the authentic one with one
    // changed byte.
    if place != sealed {
        assert!(cursors.open(&list, &place).is_err(), "{place}");
    }
    let mut bytes = sealed.clone().into_bytes();
    let at = usize::try_from(change.unsigned_abs() % bytes.len() as u64).unwrap();
    bytes[at] = data.first().copied().unwrap_or(0);
    let changed = String::from_utf8_lossy(&bytes).into_owned();
    if changed != sealed {
        assert!(
            cursors.open(&list, &changed).is_err(),
            "{changed} opens as {sealed}"
        );
    }
    for cut in [&sealed[..at], &sealed[at + 1..]] {
        assert!(cursors.open(&list, cut).is_err());
    }
}

/// An API key: an accepted one is complete, and has no other spelling.
pub fn api_key(data: &[u8]) {
    let shown = text(data);
    if let Some(id) = api_key::parse(&shown) {
        assert!(shown.is_ascii() && shown.starts_with(&format!("postel_{id}_")));
        assert!(api_key::matches(&shown, &api_key::hash(&shown)));
    }
    let mut secret = [0u8; 32];
    for (to, from) in secret.iter_mut().zip(data) {
        *to = *from;
    }
    let key = api_key::write(&KeyId::new([data.len() as u8; 16]), secret);
    assert!(api_key::parse(&key).is_some());
    let at = usize::from(data.first().copied().unwrap_or(0)) % key.len();
    let mut other = key.clone().into_bytes();
    other[at] = data.get(1).copied().unwrap_or(b'x');
    let other = String::from_utf8_lossy(&other).into_owned();
    if other != key {
        assert!(!api_key::matches(&other, &api_key::hash(&key)));
        assert_eq!(api_key::parse(&other), None, "{other}");
    }
}

/// Identifiers and times: one spelling each.
pub fn identifiers(data: &[u8]) {
    fn one_spelling<T: std::str::FromStr + ToString>(text: &str) {
        if let Ok(id) = text.parse::<T>() {
            assert_eq!(id.to_string(), text);
        }
    }
    let text = text(data);
    one_spelling::<TenantId>(&text);
    one_spelling::<EventId>(&text);
    one_spelling::<WebhookId>(&text);
    one_spelling::<KeyId>(&text);
    one_spelling::<DeliveryId>(&text);
    one_spelling::<DeadLetterId>(&text);
    one_spelling::<Ulid>(&text);
    if let Ok(id) = text.parse::<EventId>() {
        // The parts of the signed text are separated by full stops.
        assert!(!id.as_str().contains('.'));
        if let Some(key) = id.key() {
            assert_eq!(EventId::generated(key), id);
        }
    }
    if let Some(time) = Time::parse_rfc3339(&text) {
        assert_eq!(Time::parse_rfc3339(&time.rfc3339()), Some(time), "{text}");
    }
    if let Some(time) = Time::parse_http_date(&text) {
        assert_eq!(Time::parse_rfc3339(&time.rfc3339()), Some(time), "{text}");
    }
}

/// A webhook's secret signs exactly if the contract's check accepts it.
pub fn secret(data: &[u8]) {
    use domain::contract::{SigningInput, builtin, builtin_names};
    let text = text(data);
    for name in builtin_names() {
        let Some(rule) = builtin(name).unwrap().signature else {
            continue;
        };
        let moment = SigningInput {
            id: "evt_1",
            at: Time::from_millis(0),
            body: data,
        };
        let value = rule.value(&[Secret::new(text.clone())], &moment);
        let fits = Secret::new(text.clone()).check(rule.secret).is_ok();
        if fits {
            let value = value.expect("a secret that was accepted does not sign");
            assert!(value.bytes().all(|b| b.is_ascii_graphic()));
        } else if rule.secret == SecretFormat::Whsec {
            assert_eq!(value, None);
        }
    }
}
