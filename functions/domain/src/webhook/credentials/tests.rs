mod masked;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contract::Template;
use crate::guard::{MAX_HEADER_BYTES, MAX_HEADERS};
use crate::webhook::testing::{contract, literal, webhook};

const URL: &str = "https://example.com/hooks";

fn patch(json: Value) -> CredentialsPatch {
    let Value::Object(mut members) = json else {
        panic!("an object");
    };
    let patch = CredentialsPatch::take(&mut members).ok().unwrap();
    assert!(members.is_empty(), "{members:?}");
    patch
}

/// A webhook with Basic authentication and a header `X-Key`.
fn with_credentials() -> Webhook {
    let given = patch(json!({
        "basicAuth": {"username": "u", "password": "p"},
        "headers": {"X-Key": "k"},
    }));
    after(&webhook(), given, URL, &contract()).unwrap()
}

/// The webhook after a change; each ciphertext names its use and its secret.
fn after(
    before: &Webhook,
    change: CredentialsPatch,
    url: &str,
    contract: &Contract,
) -> Result<Webhook, Rejection> {
    let valid = change.validate(Some(before), url, contract)?;
    let mut after = before.clone();
    let place = |_: &WebhookId, of: CredentialUse<'_>, secret: &Secret| {
        Ok::<_, ()>(format!("{of:?} {}", secret.expose()))
    };
    valid.seal(&mut after, place).unwrap();
    Ok(after)
}

fn refused(
    before: Option<&Webhook>,
    change: CredentialsPatch,
    url: &str,
    contract: &Contract,
) -> Option<(String, String)> {
    let refusal = change.validate(before, url, contract).err()?;
    assert_eq!(refusal.code, Code::InvalidHeader);
    Some((refusal.field.unwrap().into(), refusal.detail.into()))
}

fn names(webhook: &Webhook) -> Vec<&str> {
    webhook.headers.keys().map(String::as_str).collect()
}

#[test]
fn credentials_are_dropped_when_scheme_host_or_port_of_the_url_change() {
    let before = with_credentials();
    for elsewhere in [
        "http://example.com/hooks",
        "https://example.org/hooks",
        "https://sub.example.com/hooks",
        "https://example.com.evil.example/hooks",
        "https://example.com:8443/hooks",
        "http://example.com:443/hooks",
        "",
        "not a URL",
    ] {
        let after = after(&before, patch(json!({})), elsewhere, &contract()).unwrap();
        assert_eq!(after.basic_auth, None, "{elsewhere}");
        assert!(after.headers.is_empty(), "{elsewhere}");
    }
}

#[test]
fn credentials_stay_with_a_url_of_the_same_origin() {
    let before = with_credentials();
    for same in [
        URL,
        "https://example.com/",
        "https://example.com/other?x=1",
        "https://example.com:443/hooks",
        "https://EXAMPLE.com/hooks",
    ] {
        let after = after(&before, patch(json!({})), same, &contract()).unwrap();
        assert_eq!(after, before, "{same}");
    }
}

#[test]
fn credentials_that_come_with_the_new_url_are_taken_and_the_old_ones_dropped() {
    let elsewhere = "https://example.org/";
    let change = patch(json!({"headers": {"X-New": "n"}}));
    let moved = after(&with_credentials(), change, elsewhere, &contract()).unwrap();
    assert_eq!(names(&moved), ["X-New"]);
    assert_eq!(moved.basic_auth, None);
    let change = patch(json!({"basicAuth": {"username": "v", "password": "q"}}));
    let moved = after(&with_credentials(), change, elsewhere, &contract()).unwrap();
    assert_eq!(moved.basic_auth.unwrap().username, "v");
    assert!(moved.headers.is_empty());
}

#[test]
fn a_new_webhook_has_what_it_is_given() {
    let given = CredentialsPatch::whole(
        Some(BasicAuth {
            username: "u".to_owned(),
            password: "p".to_owned().into(),
        }),
        [("X-Key".to_owned(), "k".to_owned().into())].into(),
    );
    let valid = given.validate(None, URL, &contract()).ok().unwrap();
    let mut made = webhook();
    let place = |id: &WebhookId, of: CredentialUse<'_>, _: &Secret| {
        assert_eq!(*id, webhook().id);
        Ok::<_, ()>(format!("{of:?}"))
    };
    valid.seal(&mut made, place).unwrap();
    assert_eq!(made.basic_auth.unwrap().cipher, "Password");
    let header = &made.headers["X-Key"];
    assert_eq!(
        (header.cipher.as_str(), header.bytes),
        (r#"Header("X-Key")"#, 1)
    );
}

#[test]
fn a_patch_replaces_one_header_whatever_the_spelling_of_its_name() {
    let change = patch(json!({"headers": {"x_key": "new"}}));
    let changed = after(&with_credentials(), change, URL, &contract()).unwrap();
    assert_eq!(names(&changed), ["x_key"]);
    assert_eq!(changed.headers["x_key"].bytes, 3);
    assert!(
        changed.basic_auth.is_some(),
        "a member that is not named is kept"
    );
}

#[test]
fn null_takes_one_header_away_or_all_or_basic_authentication() {
    let two = patch(json!({"headers": {"X-Two": "2"}}));
    let before = after(&with_credentials(), two, URL, &contract()).unwrap();
    let change = |json| after(&before, patch(json), URL, &contract()).unwrap();
    assert_eq!(
        names(&change(json!({"headers": {"x-key": null}}))),
        ["X-Two"]
    );
    assert!(names(&change(json!({"headers": null}))).is_empty());
    assert_eq!(names(&change(json!({"headers": {}}))).len(), 2);
    let without = change(json!({"basicAuth": null}));
    assert_eq!(names(&without).len(), 2);
    assert_eq!(without.basic_auth, None);
}

#[test]
fn what_is_kept_is_not_sealed_again() {
    let before = with_credentials();
    let valid = patch(json!({})).validate(Some(&before), URL, &contract());
    let mut after = webhook();
    let never = |_: &WebhookId, _: CredentialUse<'_>, _: &Secret| Err("sealed");
    assert_eq!(valid.ok().unwrap().seal(&mut after, never), Ok(()));
    assert_eq!(after.headers, before.headers);
}

#[test]
fn basic_authentication_and_a_header_authorization_exclude_each_other() {
    let both = json!({
        "basicAuth": {"username": "u", "password": "p"},
        "headers": {"AUTHORIZATION": "Bearer x"},
    });
    let expected =
        "A webhook has Basic authentication or a header Authorization, not both; take one away.";
    let (field, detail) = refused(None, patch(both), URL, &contract()).unwrap();
    assert_eq!((field.as_str(), detail.as_str()), ("headers", expected));
    // The existing one counts as well.
    let header = json!({"headers": {"authorization": "Bearer x"}});
    let before = with_credentials();
    assert!(refused(Some(&before), patch(header.clone()), URL, &contract()).is_some());
    // Unless it is removed in the same change, or dropped because the host changes.
    let exchange = json!({"basicAuth": null, "headers": {"authorization": "Bearer x"}});
    assert_eq!(
        refused(Some(&before), patch(exchange), URL, &contract()),
        None
    );
    assert_eq!(
        refused(
            Some(&before),
            patch(header),
            "https://example.org/",
            &contract()
        ),
        None
    );
}

/// A contract that sets the header `X-Key`.
fn setting_x_key() -> Contract {
    let mut contract = contract();
    let value = Template::try_from("v".to_owned()).ok().unwrap();
    contract.headers.insert("x-key".to_owned(), value);
    contract
}

#[test]
fn a_header_of_the_contract_or_of_its_signature_is_no_header_of_the_webhooks() {
    let given = |name: &str| patch(json!({"headers": {name: "v"}}));
    for (contract, name) in [(setting_x_key(), "X_Key"), (literal(), "X-Signature")] {
        let (field, detail) = refused(None, given(name), URL, &contract).unwrap();
        assert_eq!(field, "headers");
        let expected = format!(
            "The contract {} sets the header \"{name}\" itself; use another name.",
            contract.name
        );
        assert_eq!(detail, expected);
    }
    assert_eq!(refused(None, given("X-Key"), URL, &contract()), None);
}

#[test]
fn a_kept_header_is_judged_by_another_contract_and_not_by_a_changed_one() {
    let before = with_credentials();
    assert_eq!(
        refused(Some(&before), patch(json!({})), URL, &setting_x_key()),
        None
    );
    let another = Contract {
        name: "another".to_owned(),
        ..setting_x_key()
    };
    assert!(refused(Some(&before), patch(json!({})), URL, &another).is_some());
    // Given again, it counts as new.
    let again = patch(json!({"headers": {"X-Key": "k"}}));
    assert!(refused(Some(&before), again, URL, &setting_x_key()).is_some());
}

#[test]
fn a_contract_that_sets_authorization_allows_no_basic_authentication() {
    let mut contract = contract();
    "Authorization".clone_into(&mut contract.signature.as_mut().unwrap().header);
    let basic = json!({"basicAuth": {"username": "u", "password": "p"}});
    let (field, detail) = refused(None, patch(basic), URL, &contract).unwrap();
    assert_eq!(field, "basicAuth");
    assert_eq!(
        detail,
        "The contract standard sets the header Authorization itself, so its webhooks have no Basic authentication."
    );
    assert_eq!(
        refused(Some(&with_credentials()), patch(json!({})), URL, &contract),
        None
    );
}

#[test]
fn basic_authentication_has_bounds_and_no_character_that_ends_it() {
    let basic = |username: &str, password: &str| {
        let given = json!({"basicAuth": {"username": username, "password": password}});
        refused(None, patch(given), URL, &contract())
    };
    let most = "x".repeat(512);
    for (username, password) in [("", ""), (&most, &most), ("\u{e9}", "a:b"), (" ", " ")] {
        assert_eq!(basic(username, password), None, "{username:?} {password:?}");
    }
    let over = "x".repeat(513);
    for (username, password) in [
        ("a:b", ""),
        ("\n", ""),
        ("", "\u{7f}"),
        ("", "\u{85}"),
        (&over, ""),
        ("", &over),
    ] {
        let (field, detail) = basic(username, password).unwrap();
        assert_eq!(field, "basicAuth");
        assert!(detail.starts_with("A user name holds no colon"), "{detail}");
    }
}

#[test]
fn kept_and_new_headers_are_bounded_together() {
    let before = with_credentials();
    let many = |count: usize| {
        let headers: Map<_, _> = (0..count).map(|n| (format!("X-{n}"), json!(""))).collect();
        refused(
            Some(&before),
            patch(json!({"headers": headers})),
            URL,
            &contract(),
        )
    };
    assert_eq!(many(MAX_HEADERS - 1), None);
    assert!(many(MAX_HEADERS).unwrap().1.contains("at most 32 headers"));
    // `X-Key: k` has 10 bytes, `X-A: ` seven.
    let large = |bytes: usize| {
        let headers = json!({"headers": {"X-A": "v".repeat(bytes)}});
        refused(Some(&before), patch(headers), URL, &contract())
    };
    assert_eq!(large(MAX_HEADER_BYTES - 17), None);
    assert!(large(MAX_HEADER_BYTES - 16).is_some());
}

#[test]
fn credentials_of_another_shape_are_refused_by_the_member() {
    let refusal = |json: Value| {
        let mut members = json.as_object().unwrap().clone();
        let refusal = CredentialsPatch::take(&mut members).err().unwrap();
        let (member, _) = json.as_object().unwrap().iter().next().unwrap();
        let field = refusal.field.unwrap();
        assert!(field.starts_with(member.as_str()), "{field} of {json}");
        refusal.code
    };
    for json in [
        json!({"basicAuth": ["u", "p"]}),
        json!({"basicAuth": {"username": null}}),
        json!({"basicAuth": {"password": null}}),
        json!({"headers": {"X-A": 1}}),
        json!({"headers": []}),
    ] {
        assert_eq!(refusal(json.clone()), Code::InvalidRequest, "{json}");
    }
    let unknown = json!({"basicAuth": {"username": "u", "password": "p", "realm": "r"}});
    assert_eq!(refusal(unknown), Code::UnknownField);
}

proptest! {
    /// Whatever the change of credentials is, an existing credential never goes to another host.
    #[test]
    fn no_kept_credential_ever_goes_to_another_host(
        host in "[a-z]{1,8}\\.(example|test|com)",
        names in prop::collection::vec("[Xx]-[a-zA-Z]{1,3}", 0..4),
        drops_basic in any::<bool>(),
    ) {
        prop_assume!(host != "example.com");
        let headers: Map<_, _> = names.iter().map(|name| (name.clone(), json!("new"))).collect();
        let mut change = json!({"headers": headers});
        if drops_basic {
            change["basicAuth"] = Value::Null;
        }
        let url = format!("https://{host}/");
        if let Ok(moved) = after(&with_credentials(), patch(change), &url, &contract()) {
            prop_assert_eq!(moved.basic_auth, None);
            prop_assert!(moved.headers.values().all(|header| header.cipher.ends_with(" new")));
        }
    }
}
