use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use futures::FutureExt as _;

use super::*;
use crate::api_key::{Scope, hash, write};
use crate::ids::KeyId;
use crate::ports::Stage;
use crate::session::{SessionId, SessionState};
use crate::ulid::Ulid;

const NOW: Time = Time::from_millis(1_800_000_000_000);
#[test]
fn a_flood_of_wrong_keys_is_refused_and_single_ones_are_explained() {
    let mut explanations = Explanations::new(NOW);
    let explained = (0..10_000).filter(|_| explanations.take(NOW)).count();
    assert_eq!(explained, 300);
    // A minute with 500 keys per second: one per second is explained.
    let later = |ms: u64| NOW.plus(Duration::from_millis(ms));
    let explained = (1..=30_000)
        .filter(|number| explanations.take(later(number * 2)))
        .count();
    assert_eq!(explained, 60);
    // After an hour without wrong keys all explanations are available again, and no more than
    // at first.
    let quiet = later(3_600_000);
    let explained = (0..10_000).filter(|_| explanations.take(quiet)).count();
    assert_eq!(explained, 300);
    // A clock that goes back adds none.
    assert!(!explanations.take(NOW));
}

const OPERATOR: &str = "0peratorsKey0peratorsKey0peratorsKey0peratorsKey0peratorsKey0123";

/// A table of keys that counts its reads and stores the recorded uses.
#[derive(Default)]
struct Table {
    keys: HashMap<String, ApiKey>,
    session: Option<Session>,
    reads: Mutex<u32>,
    notes: Mutex<Vec<(String, Time)>>,
    is_down: bool,
}

impl Keys for Table {
    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, Fault> {
        *self.reads.lock().unwrap() += 1;
        if self.is_down {
            return Err(Fault::transient(Stage::ReadConfig, "no answer"));
        }
        Ok(self.keys.get(id.as_str()).cloned())
    }

    async fn session(&self, name: &SessionName) -> Result<Option<Session>, Fault> {
        *self.reads.lock().unwrap() += 1;
        if self.is_down {
            return Err(Fault::transient(Stage::ReadConfig, "no answer"));
        }
        Ok(self.session.clone().filter(|stored| stored.name == *name))
    }

    async fn operator_hash(&self) -> Result<String, Fault> {
        if self.is_down {
            return Err(Fault::transient(Stage::ReadConfig, "no answer"));
        }
        Ok(hash(OPERATOR))
    }

    async fn used(&self, key: &ApiKey, at: Time) {
        self.notes.lock().unwrap().push((key.id.to_string(), at));
    }
}

impl Table {
    /// Creates a key and returns its text.
    fn grant(&mut self, number: u8, change: impl Fn(&mut ApiKey)) -> String {
        let id = KeyId::new([number; 16]);
        let mut secret = [number.wrapping_mul(31); 32];
        secret[0] = number;
        let text = write(&id, secret);
        let mut key = ApiKey {
            id: id.clone(),
            tenant: "t".parse().unwrap(),
            name: None,
            hash: hash(&text),
            scopes: Scope::ALL.to_vec(),
            created_at: NOW,
            expires_at: None,
            created_by: None,
            last_used_at: None,
        };
        change(&mut key);
        self.keys.insert(id.as_str().to_owned(), key);
        text
    }

    fn ask(&self, header: &str) -> Option<Identity> {
        self.answer(header).unwrap()
    }

    fn answer(&self, header: &str) -> Result<Option<Identity>, Fault> {
        // The table answers immediately.
        authenticate(self, header, NOW).now_or_never().unwrap()
    }

    fn reads(&self) -> u32 {
        *self.reads.lock().unwrap()
    }
}

/// Every text that one typing error makes: another character, one too few, one too many, two
/// exchanged.
fn typos(text: &str) -> HashSet<String> {
    let letters: Vec<char> = text.chars().collect();
    let slips: Vec<char> = ('a'..='z')
        .chain('A'..='Z')
        .chain('0'..='9')
        .chain("_-.=/ \u{fc}".chars())
        .collect();
    let mut found = HashSet::new();
    for at in 0..letters.len() {
        let mut missing = letters.clone();
        missing.remove(at);
        found.insert(String::from_iter(missing));
        if at > 0 {
            let mut exchanged = letters.clone();
            exchanged.swap(at - 1, at);
            found.insert(String::from_iter(exchanged));
        }
        for slip in &slips {
            let (mut other, mut more) = (letters.clone(), letters.clone());
            other[at] = *slip;
            more.insert(at, *slip);
            found.insert(String::from_iter(other));
            found.insert(String::from_iter(more));
        }
    }
    // A space before or after a key is not part of it.
    found.retain(|typo| typo.trim() != text);
    found
}

#[test]
#[expect(clippy::print_stdout, reason = "the number of mistyped keys")]
fn ten_thousand_mistyped_keys_are_refused_without_a_read() {
    let mut table = Table::default();
    let mut right: Vec<String> = (1..=3).map(|n| table.grant(n, |_| ())).collect();
    right.push(OPERATOR.to_owned());
    let mut tried = 0;
    for key in &right {
        for typo in typos(key) {
            assert_eq!(table.ask(&format!("Bearer {typo}")), None, "{typo}");
            tried += 1;
        }
    }
    println!("{tried} mistyped keys, {} reads", table.reads());
    assert!(tried >= 10_000, "only {tried}");
    assert_eq!(table.reads(), 0);
    assert!(
        right
            .iter()
            .all(|key| table.ask(&format!("Bearer {key}")).is_some())
    );
    assert_eq!(table.reads(), 3, "the right ones are looked up");
}

#[test]
fn a_key_that_is_unknown_of_another_secret_or_at_its_end_names_nobody() {
    let mut table = Table::default();
    let good = table.grant(1, |_| ());
    let ended = table.grant(2, |key| key.expires_at = Some(NOW));
    let last_moment = table.grant(3, |key| {
        key.expires_at = Some(NOW.plus(Duration::from_millis(1)));
    });
    let unhashed = table.grant(4, |key| key.hash = String::new());
    let unknown = write(&KeyId::new([9; 16]), [9; 32]);
    let other_secret = write(&KeyId::new([1; 16]), [9; 32]);
    for key in [&ended, &unhashed, &unknown, &other_secret] {
        assert_eq!(table.ask(&format!("Bearer {key}")), None);
    }
    assert!(table.notes.lock().unwrap().is_empty());
    for key in [&good, &last_moment] {
        assert!(matches!(
            table.ask(&format!("bearer {key}")),
            Some(Identity::Tenant(_))
        ));
    }
    assert_eq!(
        table.ask(&format!("BEARER  {OPERATOR} ")),
        Some(Identity::Operator)
    );
}

#[test]
fn a_session_is_its_token_until_its_end_and_costs_one_read() {
    let name = SessionName {
        tenant: Some("t".parse().unwrap()),
        id: SessionId(Ulid::new(NOW, [7; 10])),
    };
    let token = name.token([1; 32]);
    let mut session = Session {
        name: name.clone(),
        scopes: Scope::ALL.to_vec(),
        key: None,
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_millis(1)),
        state: SessionState::Open {
            token_hash: hash(&token),
            since: NOW,
        },
    };
    let asked = |stored: &Session, key: &str| {
        let table = Table {
            session: Some(stored.clone()),
            ..Table::default()
        };
        let found = table.ask(&format!("Bearer {key}"));
        (found, table.reads())
    };
    let found = Some(Identity::Session(session.clone()));
    assert_eq!(asked(&session, &token), (found, 1));
    assert_eq!(asked(&session, &name.token([2; 32])), (None, 1));
    assert_eq!(asked(&session, &name.code([1; 32])).0, None);
    let others = SessionName {
        tenant: None,
        ..name.clone()
    };
    assert_eq!(asked(&session, &others.token([1; 32])), (None, 1));
    for wrong in typos(&token) {
        assert_eq!(asked(&session, &wrong), (None, 0), "{wrong}");
    }
    session.expires_at = NOW;
    assert_eq!(asked(&session, &token), (None, 1));
    session.expires_at = NOW.plus(Duration::from_secs(60));
    let code = name.code([1; 32]);
    session.state = SessionState::Waiting {
        code_hash: hash(&code),
        until: session.expires_at,
    };
    for waiting in [&token, &code] {
        assert_eq!(asked(&session, waiting).0, None);
    }
    assert!(has_session(&format!("bearer  {token}")) && has_session("Bearer postel_ses_"));
    assert!(!has_session(&token) && !has_session(&format!("Bearer {code}")));
}

#[test]
fn what_is_no_bearer_key_names_nobody_and_costs_no_read() {
    let mut table = Table::default();
    let good = table.grant(1, |_| ());
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        good.clone(),
        OPERATOR.to_owned(),
        format!("Basic {good}"),
        format!("Basic {OPERATOR}"),
        format!("Bearer {good},{good}"),
        format!("Bearer {good} {good}"),
        format!("Bearer {}", "x".repeat(31)),
        format!("Bearer {}", "x".repeat(100_000)),
    ] {
        assert_eq!(table.ask(&header), None, "{header:.80}");
    }
    assert_eq!(table.reads(), 0);
}

#[test]
fn a_table_that_does_not_answer_lets_nobody_in() {
    let mut table = Table::default();
    let key = table.grant(1, |_| ());
    table.is_down = true;
    for key in [key.as_str(), OPERATOR] {
        assert!(table.answer(&format!("Bearer {key}")).is_err());
    }
}

#[test]
fn a_keys_use_is_noted_once_an_hour_or_sixty_times_in_its_life() {
    let ago = |millis: i64| Some(Time::from_millis(NOW.millis() - millis));
    let (minute, hour) = (60_000, 3_600_000);
    for (lifetime, last, is_noted) in [
        (None, None, true),
        (None, ago(hour), true),
        (None, ago(hour - 1), false),
        (None, ago(minute), false),
        (None, ago(0), false),
        // Its time comes from a clock that is ahead of this one.
        (None, ago(-5_000), false),
        (Some(1_000 * hour), ago(hour - 1), false),
        (Some(1_000 * hour), ago(hour), true),
        (Some(hour), None, true),
        (Some(hour), ago(minute), true),
        (Some(hour), ago(minute - 1), false),
        // At most a second old, so that each call is noted.
        (Some(minute), ago(1_000), true),
    ] {
        let mut table = Table::default();
        let key = table.grant(1, |key| {
            key.last_used_at = last;
            let life = |life: i64| {
                key.created_at
                    .plus(Duration::from_millis(life.unsigned_abs()))
            };
            key.expires_at = lifetime.map(life);
        });
        assert!(table.ask(&format!("Bearer {key}")).is_some());
        let note = is_noted.then(|| (KeyId::new([1; 16]).to_string(), NOW));
        let expected: Vec<_> = note.into_iter().collect();
        assert_eq!(
            *table.notes.lock().unwrap(),
            expected,
            "{lifetime:?} {last:?}"
        );
    }
}
