use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event_type::EventFilter;
use crate::filter::Filter;
use crate::ids::KeyId;
use crate::signing_secrets::SigningSecrets;
use crate::tenant::{EncryptedBasicAuth, EncryptedHeader};
use crate::webhook::testing::{at, webhook};

const SECRET: &str = "canary-of-a-secret";

fn erp() -> Author {
    Author::Key {
        id: KeyId::new([1; 16]),
        name: Some("ERP".to_owned()),
    }
}

/// One change of each member, in the order of [`ChangedMember::ALL`].
const CHANGES: [fn(&mut Webhook); 11] = [
    |w| w.name = Some(SECRET.to_owned()),
    |w| w.url.push_str(SECRET),
    |w| w.events = vec![EventFilter::try_from("item.*".to_owned()).unwrap()],
    |w| {
        let filter = format!(r#"{{"data": ["{SECRET}"]}}"#);
        w.filter = Filter::parse(&filter).ok();
    },
    |w| w.active = false,
    |w| w.contract.push('x'),
    |w| w.overrides.timeout_seconds = Some(1),
    |w| {
        w.context.insert("a".to_owned(), SECRET.to_owned());
    },
    |w| w.secrets = SigningSecrets::new(SECRET.to_owned()),
    |w| {
        w.basic_auth = Some(EncryptedBasicAuth {
            username: SECRET.to_owned(),
            cipher: SECRET.to_owned(),
        });
    },
    |w| {
        let cipher = SECRET.to_owned();
        let header = EncryptedHeader { cipher, bytes: 1 };
        w.headers.insert(SECRET.to_owned(), header);
    },
];

fn changed(before: &Webhook, changes: &[fn(&mut Webhook)], now: i64) -> Webhook {
    let mut after = before.clone();
    for change in changes {
        change(&mut after);
    }
    after.replacing(before, &erp(), at(now))
}

#[test]
fn a_member_is_written_as_the_api_names_it() {
    for member in ChangedMember::ALL {
        assert_eq!(serde_json::to_value(member).unwrap(), member.as_str());
    }
}

#[test]
fn each_change_names_its_member_and_its_author_but_no_value() {
    for (change, member) in CHANGES.into_iter().zip(ChangedMember::ALL) {
        let after = changed(&webhook(), &[change], 10);
        let expected = LastChange {
            at: at(10),
            by: erp(),
            changed: vec![member],
        };
        assert_eq!(after.last_change(), Some(&expected));
        let written = serde_json::to_string(&expected).unwrap();
        assert!(!written.contains(SECRET), "{written}");
    }
}

#[test]
fn a_new_webhook_has_an_author_and_no_change() {
    let new = webhook().created_by(erp());
    assert_eq!((new.author(), new.last_change()), (Some(&erp()), None));
    assert_eq!((webhook().author(), webhook().last_change()), (None, None));
    // A webhook that was made elsewhere was written here now.
    assert_eq!(new.made_elsewhere(at(0)).author(), Some(&erp()));
}

#[test]
fn the_last_change_is_the_one_that_counts() {
    let first = changed(&webhook().created_by(Author::Postel), &CHANGES[..2], 10);
    let second = changed(&first, &CHANGES[2..3], 20);
    let change = second.last_change().unwrap();
    assert_eq!((change.at, &change.by), (at(20), &erp()));
    assert_eq!(change.changed, [ChangedMember::Events]);
}

#[test]
fn what_postel_switches_off_says_why_until_somebody_changes_it() {
    let off = Webhook {
        active: false,
        disabled: Some(DisableReason::Gone),
        updated_at: at(5),
        written: Some(LastChange::switched_off(at(5))),
        ..webhook()
    };
    assert_eq!(off.author(), Some(&Author::Postel));
    assert_eq!(off.last_change_reason(), Some(DisableReason::Gone));
    let renamed = changed(&off, &CHANGES[..1], 6);
    assert_eq!(renamed.disabled, Some(DisableReason::Gone));
    assert_eq!(renamed.last_change_reason(), None);
}

/// A former version keeps the attribute, and writes `updated_at` alone.
#[test]
fn a_change_by_a_version_that_writes_no_author_has_none() {
    let mut row = changed(&webhook(), &CHANGES[..1], 10);
    row.updated_at = row.updated_at.plus(Duration::from_millis(1));
    assert_eq!((row.author(), row.last_change()), (None, None));
}

#[test]
fn a_row_without_an_author_or_with_one_of_a_later_version_is_read() {
    let after = changed(&webhook(), &CHANGES[..1], 10);
    let row = serde_json::to_value(&after).unwrap();
    assert_eq!(
        serde_json::from_value::<Webhook>(row.clone()).unwrap(),
        after
    );
    let written = row["written"].clone();
    for other in [
        json!(null),
        json!({"at": 1, "by": {"kind": "robot"}, "changed": ["name"]}),
        json!({"at": 1, "by": written["by"], "changed": ["colour"]}),
        json!([1]),
    ] {
        let mut row = row.clone();
        row["written"] = other;
        let read = serde_json::from_value::<Webhook>(row).unwrap();
        assert_eq!(read.written, None);
    }
    let mut row = row;
    row.as_object_mut().unwrap().remove("written");
    assert_eq!(
        serde_json::from_value::<Webhook>(row).unwrap().written,
        None
    );
}

proptest! {
    #[test]
    fn exactly_the_members_that_differ_are_named(chosen in proptest::collection::vec(0..CHANGES.len(), 1..12)) {
        let changes: Vec<_> = chosen.iter().map(|number| CHANGES[*number]).collect();
        let after = changed(&webhook(), &changes, 10);
        let named = after.last_change().unwrap().changed.clone();
        for (number, member) in ChangedMember::ALL.into_iter().enumerate() {
            prop_assert_eq!(named.contains(&member), chosen.contains(&number));
        }
    }
}
