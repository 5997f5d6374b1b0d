use super::*;

fn render(template: &str, data: &str) -> String {
    let envelope: Envelope = serde_json::from_str(template).unwrap();
    let context = BTreeMap::from([("project".to_owned(), "\"p1\"".to_owned())]);
    let own = [("project", "\"of its tenant\""), ("shop", "7")];
    let own_context = own.map(|(name, raw)| (name.to_owned(), raw.to_owned()));
    let own_context = BTreeMap::from(own_context);
    let facts = EnvelopeData {
        id: "evt_1",
        event_type: "a.b",
        timestamp: "2026-01-01T00:00:00Z",
        tenant: "t",
        webhook: "wh_1",
        type_name: "A B",
        uuid: "u",
        data,
        context: &context,
        own_context: &own_context,
    };
    String::from_utf8(envelope.render(&facts)).unwrap()
}

#[test]
fn a_name_comes_from_event_then_webhook_or_tenant_then_fallback() {
    for (template, sent) in [
        ("{context.project}", r#""p1""#),
        ("{context.shop}", "7"),
        ("{context.none}", "null"),
        ("{context.none|tenantId}", r#""t""#),
        ("{context.project|tenantId}", r#""p1""#),
        ("{context.none|context.shop|tenantId}", "7"),
        ("{context.none|context.neither}", "null"),
        ("by {context.none|tenantId}", r#""by t""#),
    ] {
        let template = format!(r#"{{"a":"{template}"}}"#);
        assert_eq!(render(&template, "1"), format!(r#"{{"a":{sent}}}"#));
    }
    let template = r#"{"a":"{context.x|context.y}","b":"{context.z}{id}"}"#;
    let envelope: Envelope = serde_json::from_str(template).unwrap();
    assert_eq!(
        envelope.context_names().collect::<Vec<_>>(),
        ["x", "y", "z"]
    );
    for wrong in [
        "{id|tenantId}",
        "{context.x|}",
        "{context.x|secret}",
        "{context.|id}",
    ] {
        let template = format!(r#"{{"a":"{wrong}"}}"#);
        assert!(
            serde_json::from_str::<Envelope>(&template).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn data_within_a_longer_string_are_text_whatever_they_are() {
    let within = |data| render(r#"{"d":"got {data}!"}"#, data);
    assert_eq!(within(r#""a\"b""#), r#"{"d":"got a\"b!"}"#);
    assert_eq!(within("1.50"), r#"{"d":"got 1.50!"}"#);
    assert_eq!(within(r#"{"a":"b"}"#), r#"{"d":"got {\"a\":\"b\"}!"}"#);
}

#[test]
fn keys_keep_their_order_and_data_its_bytes() {
    let body = render(
        r#"{"z":"{type}","a":{"n":[1,true,"{data}"]},"t":"{timestamp}"}"#,
        r#"{"q":1.0, "b":"\u00e9"}"#,
    );
    assert_eq!(
        body,
        r#"{"z":"a.b","a":{"n":[1,true,{"q":1.0, "b":"\u00e9"}]},"t":"2026-01-01T00:00:00Z"}"#
    );
}

#[test]
fn placeholders_within_a_string_are_put_in_as_text() {
    assert_eq!(
        render(r#"{"m":"wh-{id} \"of\" {context.project}!"}"#, "1"),
        r#"{"m":"wh-evt_1 \"of\" p1!"}"#
    );
    assert_eq!(
        render(r#"{"p":"{context.project}","x":"{context.none}"}"#, "1"),
        r#"{"p":"p1","x":null}"#
    );
}

#[test]
fn what_the_template_holds_is_sent_and_shown_as_it_is_written() {
    let template = r#"{ "n": 12345678901234567890123, "x": [1.50, 1e2, -0.0],
        "s": "\u00fc\/", "d": "{data}" }"#;
    let sent = r#"{"n":12345678901234567890123,"x":[1.50,1e2,-0.0],"s":"\u00fc\/","d":1.0}"#;
    assert_eq!(render(template, "1.0"), sent);
    let envelope: Envelope = serde_json::from_str(template).unwrap();
    let shown = serde_json::to_string(&envelope).unwrap();
    assert_eq!(shown, sent.replace(r#""d":1.0"#, r#""d":"{data}""#));
    assert_eq!(serde_json::from_str::<Envelope>(&shown).unwrap(), envelope);
}

#[test]
fn a_template_that_is_too_deep_or_names_a_member_twice_is_refused() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        serde_json::from_str::<Envelope>(&format!(r#"{{"a":{open}{close}}}"#))
    };
    assert!(nested(MAX_JSON_DEPTH - 1).is_ok());
    for levels in [MAX_JSON_DEPTH, 100_000] {
        let refused = nested(levels).unwrap_err().to_string();
        assert!(refused.contains("128 levels"), "{refused}");
    }
    assert!(serde_json::from_str::<Envelope>(r#"{"a":{"b":1,"b":2}}"#).is_err());
}

#[test]
fn an_unknown_placeholder_is_refused() {
    assert!(serde_json::from_str::<Envelope>(r#"{"a":"{secret}"}"#).is_err());
    assert!(serde_json::from_str::<Envelope>(r#"{"a":"x{type"}"#).is_err());
    assert!(serde_json::from_str::<Envelope>(r#"["{type}"]"#).is_err());
}
