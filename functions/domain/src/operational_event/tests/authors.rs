use super::*;
use crate::webhook::LastChange;

/// The author in an event's body.
fn by(event: &OperationalEvent) -> Value {
    event.body["by"].clone()
}

fn key_2() -> Value {
    json!({"kind": "key", "id": KeyId::new([2; 16])})
}

fn changed(before: &Webhook, by: &Author, change: fn(&mut Webhook)) -> Webhook {
    let mut after = before.clone();
    change(&mut after);
    after.replacing(before, by, at(9))
}

#[test]
fn an_owners_change_says_who_made_it() {
    let operator = Author::Operator { id: None };
    for (author, told) in [
        (erp(), key_2()),
        (operator, json!({"kind": "operator", "id": null})),
        (
            Author::Session {
                id: session(None).name.id,
            },
            json!({"kind": "session", "id": session(None).name.id}),
        ),
    ] {
        // Each with an event of its own: another name, the secret, and that it is off.
        let after = changed(&webhook(), &author, |w| {
            (w.name, w.active) = (None, false);
            w.secrets = SigningSecrets::new("new".to_owned());
        });
        let found = events(&written(&webhook(), &after));
        let kinds: Vec<_> = found.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["webhook.updated", "secret.rotated", "webhook.disabled"]
        );
        assert_eq!(found[0].body["changed"], json!(["name", "secret"]));
        assert_eq!(found.iter().map(by).collect::<Vec<_>>(), vec![told; 3]);
    }
}

#[test]
fn what_postel_switches_off_is_by_postel() {
    let off = Webhook {
        active: false,
        disabled: Some(DisableReason::Gone),
        updated_at: at(9),
        written: Some(LastChange::switched_off(at(9))),
        ..full()
    };
    let found = events(&written(&full(), &off));
    assert_eq!(found.len(), 1);
    assert_eq!(by(&found[0]), json!({"kind": "postel", "id": null}));
    assert_eq!(found[0].body["reason"], "gone");
}

#[test]
fn an_author_that_the_row_does_not_know_is_null() {
    let mut after = full();
    after.url.push('x');
    // As a version writes it that knows no authors: the former one stays in the row.
    after.updated_at = at(9);
    let found = events(&written(&full(), &after));
    assert_eq!(by(&found[0]), Value::Null);
    let mut key = key();
    key.created_by = None;
    let found = events(&Change::KeyCreated(Box::new(key)));
    assert_eq!(by(&found[0]), Value::Null);
}

/// Who ends something is not who made it: that is the row's last author.
#[test]
fn an_end_says_who_caused_it_or_null() {
    let session = Author::Session {
        id: session(None).name.id,
    };
    let told = json!({"kind": "session", "id": session.id()});
    for (by_whom, told) in [(Some(session), told), (None, Value::Null)] {
        let deleted = Change::Webhook {
            before: Some(Box::new(full())),
            after: None,
            deleted_by: by_whom.clone(),
        };
        let stopped = Change::RedriveJob {
            before: job(RedriveJobStatus::Running),
            after: job(RedriveJobStatus::Cancelled),
            cancelled_by: by_whom.clone(),
        };
        for change in [deleted, stopped, key_deleted(key(), by_whom)] {
            let found = events(&change);
            assert_eq!(found.len(), 1);
            assert_eq!(by(&found[0]), told, "{}", found[0].body);
        }
    }
}

#[test]
fn a_key_that_expired_says_so() {
    let reason = |expires_at| {
        let key = ApiKey {
            expires_at,
            ..key()
        };
        let found = events(&key_deleted(key, Some(erp()))).remove(0);
        (
            found.body["reason"].clone(),
            found.body["by"]["kind"].clone(),
        )
    };
    let deleted = (json!("deleted"), json!("key"));
    assert_eq!(reason(None), deleted);
    // A mark of a deletion that was cut short says nothing about the time to live.
    let expired = (json!("expired"), json!("postel"));
    assert_eq!(reason(Some(at(1_772_355_599))), expired);
    assert_eq!(reason(Some(at(1_772_355_601))), deleted);
}

/// A deletion first notes its author in the row: that alone is no change.
#[test]
fn a_note_of_who_is_deleting_is_no_event() {
    let change = Change::Webhook {
        before: Some(Box::new(full())),
        after: Some(Box::new(full())),
        deleted_by: Some(erp()),
    };
    assert_eq!(kinds(&change), [""; 0]);
}

#[test]
fn older_secrets_that_end_are_no_rotation() {
    let secrets = || SigningSecrets::new("new".to_owned());
    let both = Webhook {
        secrets: secrets().with_previous(vec![("old".to_owned(), at(50))]),
        ..webhook()
    };
    let one = changed(&both, &erp(), |w| {
        w.secrets = SigningSecrets::new("new".to_owned());
    });
    assert_eq!(kinds(&written(&both, &one)), ["webhook.updated"]);
    let mut fingerprint = both.clone();
    fingerprint.secrets = fingerprint.secrets.with_fingerprint("f".to_owned());
    assert_eq!(kinds(&written(&both, &fingerprint)), ["webhook.updated"]);
}

#[test]
fn a_session_says_which_key_made_it_and_the_operators_has_no_tenant() {
    let made = |of| events(&Change::SessionCreated(Box::new(session(of)))).remove(0);
    let tenants = made(Some("acme"));
    assert_eq!(
        (&tenants.body["tenantId"], by(&tenants)),
        (&json!("acme"), key_2())
    );
    let operators = made(None);
    assert_eq!(operators.body["tenantId"], Value::Null);
    assert_eq!(by(&operators), json!({"kind": "operator", "id": null}));
    assert_eq!(tenants.body["expiresAt"], at(60).rfc3339());
}
