//! Serves the portal and the console: two entry pages and their assets, from a table of files
//! that the build embeds. It reads nothing else, calls nobody, and its role may only write its
//! log. What a person may see and do is decided by the API, which the pages call from the browser
//! with a session's token.

mod address;
mod encoding;
mod files;
mod headers;

use lambda_http::http::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, VARY,
};
use lambda_http::http::{HeaderValue, Method, StatusCode};
use lambda_http::{Body, Error, Request, RequestExt, Response};

use address::{Address, Page};
use encoding::Encoding;
use files::File;
use headers::{FrameAncestors, Policies};

/// The pages and how they are answered.
pub struct Site {
    files: &'static [File],
    ancestors: FrameAncestors,
    policies: Policies,
}

impl Site {
    /// Reads which origins may frame the portal from `POSTEL_PORTAL_FRAME_ANCESTORS`; fails if
    /// one is no origin.
    pub fn from_env() -> Result<Self, Error> {
        let listed = std::env::var("POSTEL_PORTAL_FRAME_ANCESTORS").unwrap_or_default();
        Self::new(files::EMBEDDED, &listed)
    }

    fn new(files: &'static [File], ancestors: &str) -> Result<Self, Error> {
        let ancestors = FrameAncestors::parse(ancestors)?;
        let policies = Policies::new(&ancestors)?;
        Ok(Self {
            files,
            ancestors,
            policies,
        })
    }

    /// Answers a request. Never with a cookie, and with the same security headers whatever the
    /// answer is.
    pub fn answer(&self, request: &Request) -> Response<Body> {
        let path = request.raw_http_path();
        let (page, mut response) = match (request.method(), Address::parse(path)) {
            (&Method::GET | &Method::HEAD, Some(address)) => {
                (address.page(), self.found(request, &address))
            }
            (&Method::GET | &Method::HEAD, None) => (
                Page::Console,
                plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
            ),
            _ => {
                let mut refused = plain(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "The pages answer GET and HEAD.\n",
                );
                refused
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                (Page::Console, refused)
            }
        };
        let shared = matches!(response.extensions().get(), Some(Shared));
        self.policies.apply(page, shared, response.headers_mut());
        if request.method() == Method::HEAD {
            *response.body_mut() = Body::Empty;
        }
        response
    }

    fn found(&self, request: &Request, address: &Address) -> Response<Body> {
        match address {
            Address::Bare(page) => redirect(*page, request.uri().query()),
            Address::Asset(page, name) => match self
                .files
                .iter()
                .find(|file| file.is_served_below(*page, name))
            {
                Some(file) => asset(request, file),
                None => plain(StatusCode::NOT_FOUND, "There is no such file.\n"),
            },
            Address::Route(page, depth) => {
                match self.files.iter().find(|file| file.name == page.entry()) {
                    Some(file) => self.entry(request, file, *page, *depth),
                    None => plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
                }
            }
        }
    }

    /// An entry page for a path `depth` folders below its root: the paths of its assets are
    /// relative, since the API may have a path of its own before `/portal/`, and a `<base>` is
    /// something that the security policy forbids.
    fn entry(&self, request: &Request, file: &File, page: Page, depth: usize) -> Response<Body> {
        let tag = format!("\"{}-{depth}-{}\"", file.hash, self.ancestors.fingerprint());
        if is_known(request, &tag) {
            return not_modified(&tag, headers::REVALIDATED);
        }
        let html = String::from_utf8_lossy(file.plain);
        let root = if depth == 0 {
            "./".to_owned()
        } else {
            "../".repeat(depth)
        };
        let mut html = html.replace("\"./assets/", &format!("\"{root}assets/"));
        if page == Page::Portal && !self.ancestors.is_empty() {
            // The page checks with it who sends it messages.
            let meta = format!(
                "<meta name=\"postel-frame-ancestors\" content=\"{}\">",
                self.ancestors
            );
            html = html.replacen("</head>", &format!("{meta}</head>"), 1);
        }
        let mut response = Response::new(Body::Text(html));
        describe(&mut response, file.content_type, &tag, headers::REVALIDATED);
        response
    }
}

/// Marks the answer that pages of other origins load: the custom element.
#[derive(Clone)]
struct Shared;

fn asset(request: &Request, file: &File) -> Response<Body> {
    let (encoding, bytes) = Encoding::choose(request.headers(), file);
    let tag = format!("\"{}{}\"", file.hash, encoding.map_or("", Encoding::suffix));
    let caching = if file.is_hashed() {
        headers::IMMUTABLE
    } else {
        headers::REVALIDATED
    };
    let mut response = if is_known(request, &tag) {
        not_modified(&tag, caching)
    } else {
        let mut response = Response::new(Body::Binary(bytes.to_vec()));
        describe(&mut response, file.content_type, &tag, caching);
        if let Some(encoding) = encoding {
            response
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        response
    };
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept-encoding"));
    if !file.is_hashed() {
        response.extensions_mut().insert(Shared);
    }
    response
}

/// To the address with the slash, which the relative paths need. Relative itself: the function
/// does not know the address under which it was called. The browser keeps the fragment.
fn redirect(page: Page, query: Option<&str>) -> Response<Body> {
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, "");
    let target = query.map_or_else(
        || format!("{}/", page.name()),
        |query| format!("{}/?{query}", page.name()),
    );
    if let Ok(target) = HeaderValue::try_from(target) {
        response.headers_mut().insert(LOCATION, target);
    }
    response
}

fn describe(
    response: &mut Response<Body>,
    content_type: &'static str,
    tag: &str,
    caching: HeaderValue,
) {
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    remember(response, tag, caching);
}

fn not_modified(tag: &str, caching: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    remember(&mut response, tag, caching);
    response
}

fn remember(response: &mut Response<Body>, tag: &str, caching: HeaderValue) {
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
        .headers_mut()
        .insert(lambda_http::http::header::CACHE_CONTROL, caching);
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::Text(text.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response.headers_mut().insert(
        lambda_http::http::header::CACHE_CONTROL,
        headers::REVALIDATED,
    );
    response
}

/// Whether the caller has this version (RFC 9110, 13.1.2: weak comparison).
fn is_known(request: &Request, tag: &str) -> bool {
    let given = request.headers().get_all(IF_NONE_MATCH);
    given
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim() == "*" || one.trim().trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests;
