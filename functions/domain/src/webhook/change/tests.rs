use std::time::Duration;

use super::*;
use crate::delivery::DisableReason;
use crate::guard::EgressPolicy;
use crate::webhook::testing::{at, contract, literal, webhook};

fn read(patch: &Value) -> Result<WebhookPatch, Rejection> {
    WebhookPatch::read(serde_json::from_str(&patch.to_string()).unwrap())
}

/// The webhook after a patch that keeps the contract.
fn after(before: &Webhook, patch: &Value) -> Result<Webhook, Rejection> {
    changed(before, patch, &contract(), &contract())
}

fn changed(
    before: &Webhook,
    patch: &Value,
    contract: &Contract,
    former: &Contract,
) -> Result<Webhook, Rejection> {
    let egress = EgressPolicy::default();
    let rules = WebhookRules {
        egress: &egress,
        max_timeout: Duration::from_secs(30),
    };
    let change = read(patch)?.on(before)?;
    let valid = change.validate(Ok(contract), former, rules)?;
    let seal = |_: &WebhookId, _: CredentialUse<'_>, secret: &Secret| {
        Ok::<_, ()>(secret.expose().to_owned())
    };
    let after = valid.seal(&Author::Postel, at(10), seal).unwrap();
    Ok(after.unwrap_or_else(|| before.clone()))
}

fn refused(before: &Webhook, patch: &Value) -> Option<(Code, String, String)> {
    let refusal = after(before, patch).err()?;
    let field = refusal.field.unwrap();
    Some((refusal.code, field.into(), refusal.detail.into()))
}

#[test]
fn a_patch_is_refused_in_words_about_what_the_caller_sent() {
    let refusal = |patch: Value| {
        let refusal = read(&patch).err().unwrap();
        let (field, detail) = (refusal.field.unwrap(), refusal.detail);
        (refusal.code, String::from(field), String::from(detail))
    };
    assert_eq!(
        refusal(json!({"colour": "red"})),
        (
            Code::UnknownField,
            "colour".to_owned(),
            "`colour` cannot be changed here. Allowed: `name`, `url`, `events`, `filter`, `active`, `contract`, `basicAuth`, `headers`, `overrides`, `context`.".to_owned()
        )
    );
    let (code, field, detail) = refusal(json!({"secret": "s"}));
    assert_eq!((code, field.as_str()), (Code::UnknownField, "secret"));
    assert!(detail.contains("secret/rotate"), "{detail}");
    for required in REQUIRED {
        let expected = format!("`{required}` cannot be removed: give it another value.");
        assert_eq!(
            refusal(json!({required: null})),
            (Code::MissingField, required.to_owned(), expected)
        );
    }
    assert!(refusal(json!({"name": 1, "x": 1})).1 == "x");
}

/// All fields to blame, in order.
fn blamed(result: Result<Webhook, Rejection>) -> Vec<String> {
    let told = result.err().unwrap();
    let all = [&told].into_iter().chain(told.others.iter());
    all.map(|one| one.field.as_deref().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_mistake_of_a_patch_is_told_at_once() {
    assert_eq!(
        blamed(after(
            &webhook(),
            &json!({"colour": 1, "url": null, "secret": "s"})
        )),
        ["colour", "url", "secret"]
    );
    let shape = json!({"active": "yes", "overrides": 5, "basicAuth": 7, "context": {"a": []}});
    assert_eq!(
        blamed(after(&webhook(), &shape)),
        ["basicAuth", "active", "overrides", "context"]
    );
    let rules = json!({
        "name": "x".repeat(257),
        "url": "http://10.0.0.1/",
        "events": [],
        "overrides": {"timeoutSeconds": 0},
        "headers": {"Host": "x"},
    });
    assert_eq!(
        blamed(after(&webhook(), &rules)),
        [
            "name",
            "overrides.timeoutSeconds",
            "url",
            "events",
            "headers"
        ]
    );
}

#[test]
fn a_contract_that_is_not_there_is_told_with_the_rest() {
    let egress = EgressPolicy::default();
    let rules = WebhookRules {
        egress: &egress,
        max_timeout: Duration::from_secs(30),
    };
    let before = webhook();
    let patch = json!({"contract": "none", "url": "http://10.0.0.1/", "events": []});
    let change = read(&patch).unwrap().on(&before).ok().unwrap();
    let missing = Err(crate::webhook::no_such_contract());
    let told = change.validate(missing, &contract(), rules).err().unwrap();
    let all = [&told].into_iter().chain(told.others.iter());
    let fields: Vec<_> = all.map(|one| one.field.as_deref().unwrap()).collect();
    assert_eq!(fields, ["url", "events", "contract"]);
}

#[test]
fn null_takes_away_what_a_webhook_can_be_without() {
    let before = after(
        &webhook(),
        &json!({
            "basicAuth": {"username": "u", "password": "p"},
            "headers": {"X-A": "a"},
            "overrides": {"timeoutSeconds": 5},
            "context": {"a": 1},
        }),
    )
    .unwrap();
    let nulls = json!({"name": null, "basicAuth": null, "headers": null, "overrides": null, "context": null});
    let bare = after(&before, &nulls).unwrap();
    assert_eq!((bare.name, bare.basic_auth), (None, None));
    assert!(bare.headers.is_empty() && bare.context.is_empty());
    assert_eq!(bare.overrides, Overrides::default());
}

#[test]
fn a_merge_patch_follows_rfc_7396() {
    let mut value = json!({"a": {"b": 1, "c": 2}, "d": [1]});
    merge(
        &mut value,
        json!({"a": {"b": null, "e": {"f": null, "g": 1}}, "d": [2], "h": 3}),
    );
    assert_eq!(
        value,
        json!({"a": {"c": 2, "e": {"g": 1}}, "d": [2], "h": 3})
    );
}

#[test]
fn a_patch_that_changes_nothing_makes_no_new_version() {
    let given = json!({
        "basicAuth": {"username": "u", "password": "p"},
        "headers": {"X-A": "a"},
        "context": {"a": 1},
    });
    let before = after(&webhook(), &given).unwrap();
    let shown = json!({
        "id": "wh_x",
        "createdAt": "2026-01-31T12:00:00Z",
        "updatedAt": 5,
        "disabledReason": null,
        "previousSecrets": [],
        "name": before.name,
        "url": before.url,
        "events": ["*"],
        "active": true,
        "contract": before.contract,
        "overrides": {},
        "context": {"a": 1},
        "basicAuth": {"username": "u"},
        "headers": {"X-A": "***"},
    });
    for same in [
        json!({}),
        shown,
        json!({"url": "https://EXAMPLE.com/hooks"}),
    ] {
        assert_eq!(after(&before, &same).unwrap(), before, "{same}");
    }
    let other = after(&before, &json!({"name": null})).unwrap();
    assert!(other.updated_at > before.updated_at && other.tag() != before.tag());
}

#[test]
fn a_patch_changes_what_it_names() {
    let patch = json!({
        "name": "invoices",
        "url": "https://example.org",
        "events": ["item.*", "a.b"],
        "active": false,
        "overrides": {"timeoutSeconds": 5},
        "context": {"a": 1},
    });
    let after = after(&webhook(), &patch).unwrap();
    assert_eq!(after.name.as_deref(), Some("invoices"));
    assert_eq!(after.url, "https://example.org/");
    let events: Vec<_> = after.events.iter().cloned().map(String::from).collect();
    assert_eq!(events, ["item.*", "a.b"]);
    assert!(!after.active);
    assert_eq!(after.overrides.timeout_seconds, Some(5));
    assert_eq!(after.context["a"], "1");
    assert_eq!((after.updated_at, after.version), (at(10), 2));
}

#[test]
fn overrides_are_merged_member_by_member() {
    let before = after(
        &webhook(),
        &json!({"overrides": {"timeoutSeconds": 5, "retryDelaysSeconds": [1, 2]}}),
    )
    .unwrap();
    let patch = json!({"overrides": {"timeoutSeconds": null}});
    let overrides = after(&before, &patch).unwrap().overrides;
    assert_eq!(overrides.timeout_seconds, None);
    assert_eq!(overrides.retry_delays_seconds, Some(vec![1, 2]));
}

/// A webhook that today's rules would reject.
fn from_older_rules() -> Webhook {
    Webhook {
        name: Some("a\u{202e}".to_owned()),
        url: "http://10.0.0.1/".to_owned(),
        events: vec!["*".to_owned().try_into().unwrap(); 101],
        overrides: Overrides {
            timeout_seconds: Some(31),
            ..Overrides::default()
        },
        ..webhook()
    }
}

#[test]
fn what_stays_as_it_is_is_not_judged_again() {
    let before = from_older_rules();
    let after = after(&before, &json!({"active": false})).unwrap();
    assert!(!after.active);
    assert_eq!((&after.name, &after.url), (&before.name, &before.url));
    assert_eq!(after.events.len(), 101);
    assert_eq!(after.overrides, before.overrides);
}

#[test]
fn what_a_patch_changes_is_judged() {
    let before = from_older_rules();
    for (patch, code, field) in [
        (json!({"name": "b\u{202e}"}), Code::InvalidName, "name"),
        (json!({"url": "http://10.0.0.2/"}), Code::InvalidUrl, "url"),
        (json!({"events": []}), Code::InvalidEvents, "events"),
        (
            json!({"overrides": {"timeoutSeconds": 32}}),
            Code::InvalidContract,
            "overrides.timeoutSeconds",
        ),
        (
            json!({"headers": {"Host": "x"}}),
            Code::InvalidHeader,
            "headers",
        ),
        (json!({"context": {"a": []}}), Code::InvalidValue, "context"),
        (json!({"active": "yes"}), Code::InvalidRequest, "active"),
        (json!({"overrides": []}), Code::InvalidRequest, "overrides"),
    ] {
        let (refused, blamed, _) = refused(&before, &patch).unwrap();
        assert_eq!((refused, blamed.as_str()), (code, field), "{patch}");
    }
}

/// A contract with another name and the signature of the tests' own contract.
fn another() -> Contract {
    Contract {
        name: "another".to_owned(),
        ..contract()
    }
}

#[test]
fn a_webhook_takes_another_contract_only_if_that_signs_in_the_same_way() {
    let to = |contract: &Contract| {
        let patch = json!({"contract": contract.name});
        changed(
            &webhook(),
            &patch,
            contract,
            &crate::webhook::testing::contract(),
        )
    };
    assert_eq!(to(&another()).unwrap().contract, "another");
    let refusal = to(&literal()).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidContract);
    assert_eq!(refusal.field.as_deref(), Some("contract"));
    assert_eq!(
        &*refusal.detail,
        "The new contract signs in another way and may not accept the secret: create a new webhook for it."
    );
}

#[test]
fn a_contract_that_the_operator_changed_does_not_keep_a_webhook_from_changing() {
    // The same name, so the owner did not choose its present signature.
    let renamed = Contract {
        name: "standard".to_owned(),
        ..literal()
    };
    let patch = json!({"name": "x"});
    assert!(changed(&webhook(), &patch, &renamed, &renamed).is_ok());
}

#[test]
fn a_url_is_judged_again_by_another_contract() {
    let before = Webhook {
        url: "http://example.com/".to_owned(),
        ..webhook()
    };
    assert!(after(&before, &json!({"name": "x"})).is_ok());
    let patch = json!({"contract": "another"});
    let refusal = changed(&before, &patch, &another(), &contract()).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidUrl);
}

#[test]
fn a_change_says_which_contract_it_asks_for() {
    let before = webhook();
    let change = |patch| read(&patch).ok().unwrap().on(&before).ok().unwrap();
    assert!(!change(json!({})).takes_contract());
    assert!(!change(json!({"contract": "standard"})).takes_contract());
    let another = change(json!({"contract": "another"}));
    assert!(another.takes_contract() && another.contract() == "another");
}

#[test]
fn a_webhook_that_postel_switched_off_starts_anew_when_its_owner_switches_it_on() {
    let before = Webhook {
        active: false,
        disabled: Some(DisableReason::Gone),
        ..webhook()
    };
    let on = after(&before, &json!({"active": true})).unwrap();
    assert_eq!((on.active, on.disabled), (true, None));
    let off = after(&before, &json!({"name": "x"})).unwrap();
    assert_eq!((off.active, off.disabled), (false, before.disabled));
}

#[test]
fn a_webhook_loses_its_credentials_only_when_it_moves_to_another_host() {
    let given = json!({
        "basicAuth": {"username": "u", "password": "p"},
        "headers": {"X-A": "a"},
    });
    let before = after(&webhook(), &given).unwrap();
    let moved = after(&before, &json!({"url": "https://example.org/"})).unwrap();
    assert_eq!(moved.basic_auth, None);
    assert!(moved.headers.is_empty());
    let stayed = after(&before, &json!({"url": "https://example.com/other"})).unwrap();
    assert_eq!(stayed.basic_auth, before.basic_auth);
    assert_eq!(stayed.headers, before.headers);
    // The URL in the guard's spelling decides, not in the caller's.
    let spelled = after(&before, &json!({"url": "https://EXAMPLE.com:443/hooks"})).unwrap();
    assert_eq!(spelled.headers, before.headers);
}

#[test]
fn a_webhook_that_is_sent_back_as_it_was_shown_keeps_its_credentials() {
    let given = json!({
        "basicAuth": {"username": "u", "password": "p"},
        "headers": {"X-A": "a"},
    });
    let before = after(&webhook(), &given).unwrap();
    let shown = json!({
        "name": "only the name changed",
        "url": before.url,
        "basicAuth": {"username": "u"},
        "headers": {"X-A": "***"},
    });
    let renamed = after(&before, &shown).unwrap();
    assert_eq!(renamed.name.as_deref(), Some("only the name changed"));
    assert_eq!(renamed.headers, before.headers);
    assert_eq!(renamed.basic_auth, before.basic_auth);
    assert_eq!(renamed.version, before.version, "attempts go as they did");
}
