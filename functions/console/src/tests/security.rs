//! The headers that keep other sites out, and strangers' text from becoming code.

use super::*;

/// Word for word: a change of the policy is a decision.
const WANTED: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), clipboard-read=(), display-capture=(), fullscreen=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

#[test]
fn every_answer_has_the_security_headers_and_no_cookie() {
    let tag = header(&get("/portal/"), "etag").to_owned();
    let mut answers: Vec<Response<Body>> = [
        "/portal",
        "/portal/",
        "/portal/webhooks",
        "/portal/assets/portal-1.js",
        "/portal/no.js",
        "/portal/../x",
        "/console/",
        "/",
    ]
    .iter()
    .map(|path| get(path))
    .collect();
    answers.push(get_with("/portal/", &[("if-none-match", &tag)]));
    answers.push(site("").answer(&request(Method::DELETE, "/console/", &[])));
    for answer in answers {
        for (name, value) in WANTED {
            assert_eq!(header(&answer, name), value, "{}", answer.status());
        }
        assert!(!answer.headers().contains_key("set-cookie"));
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}

#[test]
fn only_the_portal_may_be_framed_and_only_by_the_named_origins() {
    let site = site("https://app.example.com,https://*.example.org http://localhost:3000");
    let ancestors = |path: &str| {
        let answer = site.answer(&request(Method::GET, path, &[]));
        let policy = header(&answer, "content-security-policy").to_owned();
        policy
            .split("; ")
            .find_map(|part| part.strip_prefix("frame-ancestors ").map(str::to_owned))
            .unwrap()
    };
    let listed = "https://app.example.com https://*.example.org http://localhost:3000";
    for path in [
        "/portal",
        "/portal/",
        "/portal/webhooks",
        "/portal/assets/portal-1.js",
        "/portal/unknown.js",
    ] {
        assert_eq!(ancestors(path), listed, "{path}");
    }
    for path in [
        "/console",
        "/console/",
        "/console/assets/portal-1.js",
        "/console/unknown.js",
        "/portal/../console/",
    ] {
        assert_eq!(ancestors(path), "'none'", "{path}");
    }
}

#[test]
fn the_portal_learns_who_may_frame_it() {
    let site = site("https://app.example.com, https://b.example");
    let html = |path: &str| text(&site.answer(&request(Method::GET, path, &[])));
    let meta = "<meta name=\"postel-frame-ancestors\" content=\"https://app.example.com https://b.example\"></head>";
    assert!(html("/portal/").contains(meta) && html("/portal/a/b").contains(meta));
    assert!(!html("/console/").contains("meta"));
    assert!(!text(&get("/portal/")).contains("meta"));
}

#[test]
fn a_frame_ancestor_is_an_origin_and_nothing_else() {
    for wrong in [
        "app.example.com",
        "https://",
        "*",
        "https://*",
        "'self'",
        "https://a.example/path",
        "https://a.example;script-src",
        "https://a.example\"",
        "https://a..example",
        "https://a.*.example",
        "https://a.example:port",
        "https://a.example:99999",
        "ftp://a.example",
        "data:",
    ] {
        let refused = Site::new(FILES, wrong)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            refused.contains("POSTEL_PORTAL_FRAME_ANCESTORS"),
            "{wrong:?}: {refused}"
        );
    }
    for right in [
        "",
        " ",
        "https://a.example",
        "https://a.example:8443",
        "http://localhost:3000",
        "https://*.a.example,https://b.example",
    ] {
        assert!(Site::new(FILES, right).is_ok(), "{right:?}");
    }
}

#[test]
fn the_custom_element_may_be_loaded_by_pages_of_other_origins() {
    for headers in [&[][..], &[("if-none-match", "*")][..]] {
        let answer = get_with("/portal/postel-portal.js", headers);
        assert_eq!(header(&answer, "access-control-allow-origin"), "*");
        assert_eq!(
            header(&answer, "cross-origin-resource-policy"),
            "cross-origin"
        );
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
}
