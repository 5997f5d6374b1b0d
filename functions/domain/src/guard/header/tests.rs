use super::*;

#[test]
fn headers_of_http_postel_and_aws_are_refused_in_any_case() {
    for name in [
        "Host",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Expect",
        "Keep-Alive",
        "Proxy-Authorization",
        "proxy-connection",
        "webhook-id",
        "Webhook-Signature",
        "Postel-Hop",
        "X-Amz-Date",
        "x-amzn-trace-id",
        "User-Agent",
        "Content-Type",
    ] {
        assert_eq!(
            check_header(name, "x"),
            Err(HeaderDenyReason::Reserved),
            "{name}"
        );
    }
    for name in [
        "Authorization",
        "X-Api-Key",
        "Cookie",
        "X-Tenant",
        "hosted",
        "tea",
    ] {
        assert_eq!(check_header(name, "Bearer abc.def"), Ok(()), "{name}");
    }
}

#[test]
fn headers_by_which_servers_know_who_calls_are_refused() {
    for name in [
        "Client-IP",
        "Client_Ip",
        "True-Client-IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "Fly-Client-IP",
        "Fastly-Client-IP",
        "X-Azure-ClientIP",
        "X-Client-IP",
        "X-Real-IP",
        "X-Cluster-Client-IP",
        "Remote-User",
        "REMOTE_USER",
        "X-Remote-User",
        "X-Auth-Request-Email",
        "SSL-Client-Verify",
        "SSL_CLIENT_S_DN",
        "X-SSL-Client-Verify",
        "X-Client-Cert",
        "X-Client-Certificate",
        "X-MS-Client-Principal",
        "X-MS-Client-Principal-Id",
        "X-Forwarded-Client-Cert",
        "X-Original-Host",
        "X-Host",
        "X-Scheme",
        "Front-End-Https",
        "X-Envoy-External-Address",
        "Set-Cookie",
        "Cookie2",
    ] {
        let denied = check_header(name, "x");
        assert_eq!(denied, Err(HeaderDenyReason::Reserved), "{name}");
    }
    for name in [
        "X-Client-Id",
        "X-Auth-Token",
        "X-Remote-Id",
        "X-Hosting",
        "X-User",
    ] {
        assert_eq!(check_header(name, "x"), Ok(()), "{name}");
    }
}

#[test]
fn only_tokens_are_names_and_only_unchangeable_text_is_a_value() {
    for name in ["", "a b", "a:b", "a\r\nb", "caf\u{e9}", "a(b)", "a\0"] {
        assert_eq!(
            check_header(name, "x"),
            Err(HeaderDenyReason::Name),
            "{name:?}"
        );
    }
    for value in [
        "a\r\nX-Evil: 1",
        "a\n",
        "a\0b",
        "\u{7f}",
        "caf\u{e9}",
        " a",
        "a ",
        "\ta",
    ] {
        assert_eq!(
            check_header("x-a", value),
            Err(HeaderDenyReason::Value),
            "{value:?}"
        );
    }
    for value in ["", "a b", "a\tb", "~!\"#"] {
        assert_eq!(check_header("x-a", value), Ok(()), "{value:?}");
    }
}

fn denied(headers: &[(&str, &str)]) -> Option<(String, HeaderDenyReason)> {
    let denied = check_headers(headers.iter().copied()).err();
    denied.map(|denied| (denied.name, denied.why))
}

#[test]
fn another_spelling_of_a_reserved_name_is_reserved_too() {
    for name in [
        "Content_Length",
        "Transfer_Encoding",
        "Postel_Hop",
        "webhook_signature",
        "Webhook_Id",
        "x_amz_date",
        "content.type",
        "HOST",
        "X_Forwarded_For",
        "http2_settings",
        "User~Agent",
    ] {
        assert_eq!(
            check_header(name, "x"),
            Err(HeaderDenyReason::Reserved),
            "{name}"
        );
    }
}

#[test]
fn what_a_server_or_a_cloud_believes_of_a_request_is_not_the_tenants_to_say() {
    for name in [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded",
        "Via",
        "Date",
        "Content-Range",
        "Content-Transfer-Encoding",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "X-Rewrite-Url",
        "X-Real-IP",
        "Proxy",
        "Metadata",
        "Metadata-Flavor",
        "X-aws-ec2-metadata-token",
        "X-aws-ec2-metadata-token-ttl-seconds",
        "X-Google-Metadata-Request",
        "Early-Data",
        "Lambda-Runtime-Aws-Request-Id",
        "lambda-runtime-function-error-type",
        "X-Amz-Security-Token",
    ] {
        assert_eq!(
            check_header(name, "x"),
            Err(HeaderDenyReason::Reserved),
            "{name}"
        );
    }
    for name in [
        "X-Metadata",
        "Update",
        "X-Date",
        "Priority",
        "Forwarding",
        "Viable",
        "Content-Language",
        "X-Proxy",
    ] {
        assert_eq!(check_header(name, "x"), Ok(()), "{name}");
    }
}

#[test]
fn all_headers_together_have_a_size_a_number_and_no_name_twice() {
    let value = "v".repeat(MAX_HEADER_BYTES - 5);
    assert_eq!(denied(&[("a", &value)]), None);
    let too_large = ("b".to_owned(), HeaderDenyReason::TooLarge);
    assert_eq!(denied(&[("a", &value), ("b", "")]), Some(too_large));
    for (one, other) in [("X-A", "x-a"), ("X-A", "X_A"), ("x.a", "X-a")] {
        let twice = (other.to_owned(), HeaderDenyReason::Duplicate);
        assert_eq!(denied(&[(one, "1"), (other, "2")]), Some(twice));
    }
    let reserved = ("host".to_owned(), HeaderDenyReason::Reserved);
    assert_eq!(denied(&[("X-A", "1"), ("host", "2")]), Some(reserved));
    let names: Vec<String> = (0..=MAX_HEADERS).map(|n| format!("x-{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(denied(&many[1..]), None);
    let too_many = (names[MAX_HEADERS].clone(), HeaderDenyReason::TooMany);
    assert_eq!(denied(&many), Some(too_many));
}

#[test]
fn a_refusal_names_the_header_and_can_be_read() {
    use HeaderDenyReason::{Duplicate, Name, Reserved, TooLarge, TooMany, Value};
    for why in [Name, Reserved, Value, Duplicate, TooMany, TooLarge] {
        let text = |name: &str| {
            let name = name.to_owned();
            DeniedHeader { name, why }.to_string()
        };
        assert!(text("X-Mine").contains("\"X-Mine\""), "{}", text("X-Mine"));
        let strange = text("a\r\n\u{1b}\u{202e}b");
        assert!(
            strange.chars().all(|c| (' '..='~').contains(&c)),
            "{strange}"
        );
        let long = text(&"\u{e4}".repeat(5000));
        assert!(long.len() < 400, "{long}");
    }
}
