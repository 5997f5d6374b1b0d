//! The function as the gateway calls it, over a small table of files.

use lambda_http::http::{Method, Request as HttpRequest};
use lambda_http::{Body, Request, RequestExt, Response};

use super::*;

const FILES: &[File] = &[
    File {
        name: "portal.html",
        hash: "aaaa",
        content_type: "text/html; charset=utf-8",
        plain: b"<html><head><script type=\"module\" src=\"./assets/portal-1.js\"></script></head><body>portal</body></html>",
        brotli: None,
        gzip: None,
    },
    File { name: "console.html", hash: "bbbb", content_type: "text/html; charset=utf-8", plain: b"<head></head>console", brotli: None, gzip: None },
    File {
        name: "assets/portal-1.js",
        hash: "cccc",
        content_type: "text/javascript; charset=utf-8",
        plain: b"plain",
        brotli: Some(b"brotli"),
        gzip: Some(b"gzip"),
    },
    File { name: "assets/small-2.css", hash: "dddd", content_type: "text/css; charset=utf-8", plain: b"a{}", brotli: None, gzip: None },
    File {
        name: "postel-portal.js",
        hash: "eeee",
        content_type: "text/javascript; charset=utf-8",
        plain: b"element",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    },
];

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request {
    let mut builder = HttpRequest::builder()
        .method(method)
        .uri("https://api.example.com/");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::Empty).unwrap().with_raw_http_path(path)
}

fn site(ancestors: &str) -> Site {
    Site::new(FILES, ancestors).unwrap()
}

fn get(path: &str) -> Response<Body> {
    site("").answer(&request(Method::GET, path, &[]))
}

fn get_with(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    site("").answer(&request(Method::GET, path, headers))
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn text(response: &Response<Body>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

#[test]
fn each_root_and_each_route_answers_its_entry_page() {
    for path in [
        "/portal/",
        "/portal/webhooks",
        "/portal/webhooks/wh_1/edit",
        "/portal/deliveries/01J.js",
        "/portal/events/",
    ] {
        let answer = get(path);
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "content-type")),
            (200, "text/html; charset=utf-8"),
            "{path}"
        );
        assert!(text(&answer).contains("portal</body>"), "{path}");
    }
    for path in [
        "/console/",
        "/console/tenants",
        "/console/t/acme/deliveries/01J.wh_1",
    ] {
        assert_eq!(text(&get(path)), "<head></head>console", "{path}");
    }
}

#[test]
fn the_assets_of_a_page_are_found_from_every_depth() {
    for (path, wanted) in [
        ("/portal/", "./assets/portal-1.js"),
        ("/portal/webhooks", "./assets/portal-1.js"),
        ("/portal/webhooks/", "../assets/portal-1.js"),
        ("/portal/webhooks/wh_1", "../assets/portal-1.js"),
        ("/portal/webhooks/wh_1/edit", "../../assets/portal-1.js"),
    ] {
        assert!(
            text(&get(path)).contains(&format!("src=\"{wanted}\"")),
            "{path}"
        );
    }
}

#[test]
fn the_root_without_a_slash_leads_to_the_one_with_it() {
    let answer = get("/portal");
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "location")),
        (308, "portal/")
    );
    let mut asked = request(Method::GET, "/console", &[]);
    *asked.uri_mut() = "https://api.example.com/console?theme=dark"
        .parse()
        .unwrap();
    assert_eq!(
        header(&site("").answer(&asked), "location"),
        "console/?theme=dark"
    );
}

#[test]
fn what_is_no_file_of_ours_is_not_found() {
    for path in [
        "/portal/assets/unknown.js",
        "/portal/assets/",
        "/portal/assets",
        "/portal/assets/../portal.html",
        "/portal/portal.html",
        "/portal/console.html",
        "/portal/favicon.ico",
        "/portal/x/y.js",
        "/console/postel-portal.js",
        "/console/files.txt",
        "/portal/../console/",
        "/portal/..",
        "/portal/./webhooks",
        "/portal/.env",
        "/portal//webhooks",
        "/portal/%2e%2e/secret",
        "/portal/a%252e",
        "/portal/a\\..\\b",
        "/portal/a\0b",
        "/portal/webh\u{f6}ks",
        "/portal/a b",
        "/portal/1/2/3/4/5/6/7/8/9/10",
        "/portalx/",
        "/",
        "",
        "/v1/tenants",
    ] {
        let answer = get(path);
        assert_eq!(answer.status().as_u16(), 404, "{path:?}");
        assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
        assert!(!text(&answer).contains('<'));
    }
}

#[test]
fn an_asset_comes_in_the_smallest_encoding_that_the_caller_accepts() {
    for (accepted, encoding, body) in [
        ("gzip, deflate, br, zstd", "br", "brotli"),
        ("gzip", "gzip", "gzip"),
        ("br;q=0, gzip", "gzip", "gzip"),
        ("br;q=0.0, *", "gzip", "gzip"),
        ("*", "br", "brotli"),
        ("*;q=0", "", "plain"),
        ("BR ; Q=0.5", "br", "brotli"),
        ("brotli, gzipped", "", "plain"),
        ("br;q=much", "", "plain"),
        ("identity", "", "plain"),
        ("", "", "plain"),
    ] {
        let answer = get_with(
            "/portal/assets/portal-1.js",
            &[("accept-encoding", accepted)],
        );
        assert_eq!(
            (header(&answer, "content-encoding"), text(&answer).as_str()),
            (encoding, body),
            "{accepted:?}"
        );
        assert_eq!(header(&answer, "vary"), "accept-encoding");
    }
    let small = get_with(
        "/console/assets/small-2.css",
        &[("accept-encoding", "br, gzip")],
    );
    assert_eq!(
        (header(&small, "content-encoding"), text(&small).as_str()),
        ("", "a{}")
    );
}

#[test]
fn only_a_name_with_a_hash_is_kept_without_asking() {
    assert_eq!(
        header(&get("/portal/assets/portal-1.js"), "cache-control"),
        "public, max-age=31536000, immutable"
    );
    for path in [
        "/portal/",
        "/console/t/acme",
        "/portal/postel-portal.js",
        "/portal",
        "/portal/assets/unknown.js",
    ] {
        assert_eq!(header(&get(path), "cache-control"), "no-cache", "{path}");
    }
}

#[test]
fn a_known_version_is_not_sent_again() {
    for path in [
        "/portal/",
        "/portal/webhooks/wh_1",
        "/console/",
        "/portal/assets/portal-1.js",
        "/portal/postel-portal.js",
    ] {
        let tag = header(&get(path), "etag").to_owned();
        assert!(tag.len() > 5, "{path}");
        for given in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"old\", {tag}"),
            "*".to_owned(),
        ] {
            let answer = get_with(path, &[("if-none-match", &given)]);
            assert_eq!(
                (
                    answer.status().as_u16(),
                    text(&answer).as_str(),
                    header(&answer, "etag")
                ),
                (304, "", tag.as_str()),
                "{path} {given}"
            );
            assert!(!header(&answer, "content-security-policy").is_empty());
            assert!(header(&answer, "cache-control").len() > 5);
        }
        assert_eq!(
            get_with(path, &[("if-none-match", "\"old\"")])
                .status()
                .as_u16(),
            200
        );
    }
}

#[test]
fn what_differs_has_another_tag() {
    let tags = [
        header(&get("/portal/"), "etag").to_owned(),
        header(&get("/portal/webhooks/wh_1"), "etag").to_owned(),
        header(
            &site("https://a.example").answer(&request(Method::GET, "/portal/", &[])),
            "etag",
        )
        .to_owned(),
        header(&get("/portal/assets/portal-1.js"), "etag").to_owned(),
        header(
            &get_with("/portal/assets/portal-1.js", &[("accept-encoding", "br")]),
            "etag",
        )
        .to_owned(),
        header(
            &get_with("/portal/assets/portal-1.js", &[("accept-encoding", "gzip")]),
            "etag",
        )
        .to_owned(),
    ];
    for (at, tag) in tags.iter().enumerate() {
        assert!(!tags.iter().skip(at + 1).any(|other| other == tag), "{tag}");
    }
}

#[test]
fn head_answers_the_headers_alone() {
    for path in [
        "/portal/",
        "/console",
        "/portal/assets/portal-1.js",
        "/portal/assets/unknown.js",
    ] {
        let (of_get, of_head) = (
            get(path),
            site("").answer(&request(Method::HEAD, path, &[])),
        );
        assert_eq!(
            (of_get.status(), of_get.headers()),
            (of_head.status(), of_head.headers()),
            "{path}"
        );
        assert!(of_head.body().is_empty());
    }
}

#[test]
fn other_methods_are_refused() {
    let answer = site("").answer(&request(Method::POST, "/portal/", &[]));
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "allow")),
        (405, "GET, HEAD")
    );
}

#[test]
fn the_build_embeds_both_entry_pages() {
    for name in ["portal.html", "console.html"] {
        assert!(
            files::EMBEDDED.iter().any(|file| file.name == name),
            "{name}"
        );
    }
    let mut names: Vec<&str> = files::EMBEDDED.iter().map(|file| file.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), files::EMBEDDED.len());
}

mod security;
