//! The headers of every answer.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use lambda_http::Error;
use lambda_http::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};

use crate::address::Page;

/// For a file whose name has the hash of its bytes.
pub(crate) const IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");
/// For everything else: kept, but asked for again each time, so that a deployment shows at once.
pub(crate) const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// Nothing but our own files and our own API, no inline script or style, no text that becomes
/// code. `docs/console.md` says what each part is for.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}; require-trusted-types-for 'script'; trusted-types 'none'";

/// The pages use none of these; `clipboard-write` stays, for the copy buttons.
const PERMISSIONS: &str = "camera=(), clipboard-read=(), display-capture=(), fullscreen=(), geolocation=(), microphone=(), payment=(), usb=()";

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Who may frame the portal; the console may be framed by nobody.
#[derive(Debug)]
pub(crate) struct FrameAncestors(Vec<String>);

impl FrameAncestors {
    /// A list of origins, with commas or spaces between them.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let origins: Vec<String> = text
            .split([',', ' '])
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect();
        match origins.iter().find(|origin| !is_origin(origin)) {
            Some(wrong) => Err(format!(
                "POSTEL_PORTAL_FRAME_ANCESTORS has {wrong:?}; write origins as https://app.example.com, https://*.example.com or http://localhost:3000"
            )
            .into()),
            None => Ok(Self(origins)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes with the list: part of the portal's entity tag.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        format!("{:x}", hasher.finish())
    }
}

impl fmt::Display for FrameAncestors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join(" "))
    }
}

/// A scheme, a host that may begin with `*.`, and a port. No path, and nothing that could end the
/// policy's directive or an attribute.
fn is_origin(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let (host, port) = rest
        .split_once(':')
        .map_or((rest, None), |(host, port)| (host, Some(port)));
    let host = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// The security policies of the two pages.
pub(crate) struct Policies {
    portal: HeaderValue,
    console: HeaderValue,
}

impl Policies {
    pub(crate) fn new(ancestors: &FrameAncestors) -> Result<Self, Error> {
        let nobody = POLICY.replace("{ancestors}", "'none'");
        let portal = if ancestors.is_empty() {
            nobody.clone()
        } else {
            POLICY.replace("{ancestors}", &ancestors.to_string())
        };
        Ok(Self {
            portal: HeaderValue::try_from(portal)?,
            console: HeaderValue::try_from(nobody)?,
        })
    }

    /// Adds the headers that every answer has. `shared` is the one file that pages of other
    /// origins load, as a module and so with CORS.
    pub(crate) fn apply(&self, page: Page, shared: bool, headers: &mut HeaderMap) {
        let policy = match page {
            Page::Portal => &self.portal,
            Page::Console => &self.console,
        };
        headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
        headers.insert(COOP, HeaderValue::from_static("same-origin"));
        headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS));
        headers.insert(
            CORP,
            HeaderValue::from_static(if shared {
                "cross-origin"
            } else {
                "same-origin"
            }),
        );
        if shared {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
    }
}
