use super::*;

/// A code and a field.
fn told(result: Result<Webhook, Rejection>) -> (Code, String) {
    let refusal = result.err().unwrap();
    (refusal.code, refusal.field.unwrap().into())
}

#[test]
fn what_a_response_shows_can_be_sent_back_and_keeps_every_secret() {
    let before = with_credentials();
    for shown in [
        json!({"basicAuth": {"username": "u"}, "headers": {"X-Key": "***"}}),
        json!({"basicAuth": {"username": "u", "password": "***"}}),
        json!({"basicAuth": {}}),
        json!({"headers": {"x_key": "***"}}),
    ] {
        let same = after(&before, patch(shown.clone()), URL, &contract()).unwrap();
        assert_eq!(same, before, "{shown}");
    }
}

#[test]
fn a_patch_of_one_member_of_basic_authentication_keeps_the_other() {
    let before = with_credentials();
    let change = |json| after(&before, patch(json), URL, &contract()).unwrap();
    let renamed = change(json!({"basicAuth": {"username": "v"}}));
    let basic = renamed.basic_auth.unwrap();
    let sealed = before.basic_auth.clone().unwrap().cipher;
    assert_eq!((basic.username.as_str(), basic.cipher), ("v", sealed));
    let changed = change(json!({"basicAuth": {"password": "q"}}));
    let basic = changed.basic_auth.unwrap();
    assert_eq!(
        (basic.username.as_str(), basic.cipher.as_str()),
        ("u", "Password q")
    );
    let wrong = patch(json!({"basicAuth": {"username": "a:b"}}));
    assert!(
        refused(Some(&before), wrong, URL, &contract()).is_some(),
        "a new user name is judged though the password is kept"
    );
}

#[test]
fn a_mask_without_a_secret_behind_it_is_refused() {
    let elsewhere = "https://example.org/";
    for (before, url, json, field) in [
        (
            with_credentials(),
            URL,
            json!({"headers": {"New": "***"}}),
            "headers.New",
        ),
        (
            with_credentials(),
            elsewhere,
            json!({"headers": {"X-Key": "***"}}),
            "headers.X-Key",
        ),
        (
            webhook(),
            URL,
            json!({"basicAuth": {"username": "u", "password": "***"}}),
            "basicAuth.password",
        ),
        (
            with_credentials(),
            elsewhere,
            json!({"basicAuth": {"username": "u", "password": "***"}}),
            "basicAuth.password",
        ),
    ] {
        let expected = (Code::MaskedValue, field.to_owned());
        let refused = told(after(&before, patch(json.clone()), url, &contract()));
        assert_eq!(refused, expected, "{json}");
    }
    let new = CredentialsPatch::whole(None, [("X-A".to_owned(), "***".to_owned().into())].into());
    let refusal = new.validate(None, URL, &contract()).err().unwrap();
    assert_eq!(refusal.code, Code::MaskedValue);
}

#[test]
fn a_password_that_is_left_out_is_asked_for_where_none_is_kept() {
    let username = || patch(json!({"basicAuth": {"username": "u"}}));
    let asked_for = (Code::MissingField, "basicAuth.password".to_owned());
    assert_eq!(
        told(after(&webhook(), username(), URL, &contract())),
        asked_for
    );
    let elsewhere = "https://example.org/";
    assert_eq!(
        told(after(
            &with_credentials(),
            username(),
            elsewhere,
            &contract()
        )),
        asked_for
    );
}

#[test]
fn a_header_that_is_sent_back_masked_is_no_new_one() {
    let shown = || patch(json!({"headers": {"X-Key": "***"}, "basicAuth": {"username": "u"}}));
    let before = with_credentials();
    assert_eq!(
        refused(Some(&before), shown(), URL, &setting_x_key()),
        None,
        "the contract took the name later"
    );
    let both_spellings = patch(json!({"headers": {"X-Key": "***", "x_key": "new"}}));
    assert!(refused(Some(&before), both_spellings, URL, &contract()).is_some());
}
