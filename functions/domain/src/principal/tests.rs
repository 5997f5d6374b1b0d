use super::*;

const NOW: Time = Time::from_millis(1_800_000_000_000);

fn read(context: &Value) -> Option<Principal> {
    Principal::read(context.as_object().unwrap(), NOW)
}

fn key(expires_at: Option<Time>) -> ApiKey {
    ApiKey {
        id: KeyId::new([7; 16]),
        tenant: "a".parse().unwrap(),
        name: None,
        hash: String::new(),
        scopes: vec![Scope::WebhooksRead, Scope::Keys],
        created_at: Time::from_millis(1_700_000_000_000),
        expires_at,
        created_by: None,
        last_used_at: None,
    }
}

#[test]
fn whatever_does_not_clearly_name_a_caller_names_none() {
    let with = |changes: Value| {
        let mut context = Principal::key_context(&key(None));
        let fields = context.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => fields.remove(name),
                value => fields.insert(name.clone(), value.clone()),
            };
        }
        context
    };
    assert!(read(&with(json!({}))).is_some());
    for context in [
        json!({}),
        json!({"role": "nobody"}),
        json!({"role": "Operator"}),
        json!({"role": true}),
        json!({"role": "tenant"}),
        with(json!({"role": null})),
        with(json!({"tenant": null})),
        with(json!({"tenant": ""})),
        with(json!({"scopes": null})),
        with(json!({"scopes": "keys everything"})),
        with(json!({"key": null})),
        with(json!({"key": "?"})),
        with(json!({"createdAt": null})),
        with(json!({"createdAt": "today"})),
        with(json!({"expiresAt": "never"})),
        with(json!({"expiresAt": 1_900_000_000_000_i64})),
        Principal::anonymous_context(false),
        Principal::anonymous_context(true),
        with(json!({"session": session(Some("a")).name.id.to_string()})),
        json!({"role": "operator", "session": ""}),
        json!({"role": "operator", "session": 1}),
        json!({"role": "operator", "session": session(None).name.id.to_string()}),
    ] {
        assert_eq!(read(&context), None, "{context}");
    }
    assert_eq!(
        read(&Principal::operator_context()),
        Some(Principal::Operator)
    );
}

#[test]
fn a_remembered_key_ends_at_its_own_time() {
    let end = |millis: i64| key(Some(Time::from_millis(NOW.millis() + millis)));
    let named = read(&Principal::key_context(&end(1)));
    assert!(matches!(named, Some(Principal::Tenant(key)) if key.expires_at == end(1).expires_at));
    for millis in [0, -1] {
        assert_eq!(read(&Principal::key_context(&end(millis))), None);
    }
}

fn session(tenant: Option<&str>) -> Session {
    Session {
        name: SessionName {
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
            id: SessionId(crate::ulid::Ulid::new(NOW, [7; 10])),
        },
        scopes: vec![Scope::WebhooksRead],
        key: None,
        created_at: NOW,
        expires_at: NOW.plus(std::time::Duration::from_millis(1)),
        state: crate::session::SessionState::Open {
            token_hash: String::new(),
            since: NOW,
        },
    }
}

#[test]
fn every_caller_is_an_author_and_a_key_has_the_name_of_its_row() {
    let author = |context: &Value| read(context).unwrap().author();
    let mut caller = read(&Principal::key_context(&key(None))).unwrap();
    let by = |name: Option<&str>| Author::Key {
        id: key(None).id,
        name: name.map(str::to_owned),
    };
    assert_eq!(caller.author(), by(None));
    if let Principal::Tenant(access) = &mut caller {
        access.name = Some("ERP".to_owned());
    }
    assert_eq!(caller.author(), by(Some("ERP")));
    let id = session(None).name.id;
    let of = |tenant| author(&Principal::session_context(&session(tenant)));
    assert_eq!(of(Some("a")), Author::Session { id });
    assert_eq!(of(None), Author::Operator { id: Some(id) });
    let operator = author(&Principal::operator_context());
    assert_eq!(operator, Author::Operator { id: None });
}

#[test]
fn a_session_is_read_as_it_was_written_until_its_end() {
    let tenants = session(Some("a"));
    let caller = read(&Principal::session_context(&tenants)).unwrap();
    let Principal::Tenant(access) = &caller else {
        panic!("{caller:?}")
    };
    assert_eq!(access.bearer, Bearer::Session(tenants.name.clone()));
    assert_eq!(access.scopes, tenants.scopes);
    assert_eq!(access.expires_at, Some(tenants.expires_at));
    let operators = session(None);
    let caller = read(&Principal::session_context(&operators)).unwrap();
    assert_eq!(
        caller.bearer(),
        Some(Bearer::Session(operators.name.clone()))
    );
    assert_eq!(caller.is_operator(), Ok(()));
    for mut ended in [tenants, operators] {
        ended.expires_at = NOW;
        assert_eq!(read(&Principal::session_context(&ended)), None);
    }
}

#[test]
fn a_rejection_names_what_the_caller_has() {
    let of = |context: &Value| unnamed(context.as_object().unwrap());
    let key = Principal::key_context(&key(None));
    assert_eq!(of(&key), invalid_key());
    assert_eq!(of(&Principal::anonymous_context(false)), invalid_key());
    let ended = Principal::session_context(&session(Some("a")));
    assert_eq!(of(&ended), invalid_session());
    assert_eq!(of(&Principal::anonymous_context(true)), invalid_session());
    let caller = read(&ended).unwrap();
    let lacking = caller.may(&"a".parse().unwrap(), Scope::Keys).unwrap_err();
    assert_eq!(&*lacking.detail, "This session lacks the scope keys.");
}

#[test]
fn a_tenant_sees_itself_only_and_needs_the_scope() {
    let (own, other): (TenantId, TenantId) = ("a".parse().unwrap(), "b".parse().unwrap());
    let caller = read(&Principal::key_context(&key(None))).unwrap();
    assert!(caller.may(&own, Scope::WebhooksRead).is_ok());
    assert_eq!(
        caller.may(&own, Scope::WebhooksWrite).unwrap_err().code,
        Code::Forbidden
    );
    assert_eq!(
        caller.may(&other, Scope::WebhooksRead).unwrap_err(),
        Rejection::no_tenant()
    );
    assert!(caller.is_operator().is_err());
}
