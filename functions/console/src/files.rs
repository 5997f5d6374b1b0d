//! The table of files: what is not in it is not served.

use crate::address::Page;

/// A file of the built pages. The fields that start with an encoding's name are missing where it
/// would save nothing.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path in `web/dist`.
    pub(crate) name: &'static str,
    /// Of its bytes.
    pub(crate) hash: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) brotli: Option<&'static [u8]>,
    pub(crate) gzip: Option<&'static [u8]>,
}

impl File {
    /// Whether its name has a hash of its bytes, so that it never changes.
    pub(crate) fn is_hashed(&self) -> bool {
        self.name.starts_with("assets/")
    }

    /// Whether it is the answer to `name` below the page's root. The entry pages have paths of
    /// their own; the custom element belongs to the portal.
    pub(crate) fn is_served_below(&self, page: Page, name: &str) -> bool {
        self.name == name
            && (self.is_hashed() || (page == Page::Portal && !name.ends_with(".html")))
    }
}

pub(crate) const EMBEDDED: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
