//! What a path asks for.

/// The two pages. Their names are the first segment of their paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Portal,
    Console,
}

impl Page {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Console => "console",
        }
    }

    pub(crate) fn entry(self) -> &'static str {
        match self {
            Self::Portal => "portal.html",
            Self::Console => "console.html",
        }
    }
}

/// A path below one of the two pages. There is none for what is no path of ours: `..`, empty
/// segments, or characters that neither a file nor an id has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address<'a> {
    /// `/portal`, without the slash.
    Bare(Page),
    /// A file, whether it exists or not.
    Asset(Page, &'a str),
    /// A route of the page itself, this many folders below its root.
    Route(Page, usize),
}

/// More than the deepest route has; a limit for the number of `../`.
const MAX_DEPTH: usize = 8;

/// Endings of files. An id can end with a full stop and a word, too: a delivery's does.
const ENDINGS: [&str; 20] = [
    "js",
    "mjs",
    "css",
    "map",
    "json",
    "html",
    "htm",
    "svg",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "ico",
    "txt",
    "xml",
    "webmanifest",
    "woff",
    "woff2",
    "wasm",
    "php",
];

impl<'a> Address<'a> {
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let (page, rest) = [Page::Portal, Page::Console]
            .into_iter()
            .find_map(|page| Some((page, path.strip_prefix('/')?.strip_prefix(page.name())?)))?;
        if rest.is_empty() {
            return Some(Self::Bare(page));
        }
        let rest = rest.strip_prefix('/')?;
        let segments: Vec<&str> = rest.split('/').collect();
        let (last, folders) = segments.split_last()?;
        let is_plain = folders.iter().all(|folder| is_segment(folder))
            && (last.is_empty() || is_segment(last));
        if !is_plain || folders.len() > MAX_DEPTH {
            return None;
        }
        let is_file = folders.last() != Some(&"deliveries")
            && last
                .rsplit_once('.')
                .is_some_and(|(_, ending)| ENDINGS.contains(&ending));
        if is_file || segments.first() == Some(&"assets") {
            return Some(Self::Asset(page, rest));
        }
        Some(Self::Route(page, folders.len()))
    }

    pub(crate) fn page(&self) -> Page {
        match self {
            Self::Bare(page) | Self::Asset(page, _) | Self::Route(page, _) => *page,
        }
    }
}

/// The unreserved characters of a URI (RFC 3986, 2.3). Not a leading full stop: no file and no id
/// has one, and `..` begins with it.
fn is_segment(text: &str) -> bool {
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(is_unreserved)
}
