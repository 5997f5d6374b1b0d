//! Lists, page by page.

use serde_json::Value;

use super::{Call, Client};
use crate::failure::Failure;
use crate::member::Member as _;

/// The largest page that the API gives.
const MAX_PAGE: usize = 250;

/// Entries of a list, and where it goes on.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// One page of a list.
pub(crate) async fn page(
    client: &Client,
    call: &Call,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page, Failure> {
    let call = call
        .clone()
        .query("limit", Some(limit.min(MAX_PAGE)))
        .query("cursor", cursor);
    let mut body = client.json(&call).await?;
    let items = match body.take_member("items") {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let next = body.member("nextCursor").as_str().map(str::to_owned);
    Ok(Page { items, next })
}

/// The entries from a cursor on, until there are `limit` of them.
pub(crate) async fn pages(
    client: &Client,
    call: &Call,
    limit: usize,
    cursor: Option<String>,
) -> Result<Page, Failure> {
    let mut found = Page {
        items: Vec::new(),
        next: cursor,
    };
    loop {
        let more = page(
            client,
            call,
            limit - found.items.len(),
            found.next.as_deref(),
        )
        .await?;
        found.items.extend(more.items);
        found.next = more.next;
        if found.next.is_none() || found.items.len() >= limit {
            return Ok(found);
        }
    }
}
