//! What all lists have in common: a limit, a cursor, filters from the query string.

use std::borrow::Cow;
use std::collections::BTreeMap;

use adapters::delivery_store::Page;
use adapters::telemetry;
use api::caller::json;
use api::conditional::{Conditions, shown};
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use domain::contract::Contract;
use domain::event_type::EventFilter;
use domain::ids::{EventId, TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::rejection::{Code, Rejection};
use domain::response_codes::ResponseCodes;
use domain::time::Time;
use domain::versions::tag_of_content;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::AppState;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 250;
/// The most bytes of a page's items, unless the first alone has more. Lambda's answers have at most
/// 6 MB, in which a body takes up to twice its bytes, since it is a JSON string there.
const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// The query string of a list, each parameter at most once.
pub(crate) struct ListQuery {
    parameters: BTreeMap<String, String>,
    /// Names the list, its owner and its filter: a cursor opens under the same name only.
    list: String,
}

impl ListQuery {
    /// Reads the query string of a list, which comes page by page.
    pub(crate) fn new(
        query: Query<Vec<(String, String)>>,
        list: impl Into<String>,
        filters: &[&str],
    ) -> Result<Self, Rejection> {
        Self::read(query, list.into(), filters, &["limit", "cursor"])
    }

    /// Reads the query string of what is answered as a whole.
    pub(crate) fn whole(
        query: Query<Vec<(String, String)>>,
        filters: &[&str],
    ) -> Result<Self, Rejection> {
        Self::read(query, String::new(), filters, &[])
    }

    fn read(
        query: Query<Vec<(String, String)>>,
        list: String,
        filters: &[&str],
        paging: &[&str],
    ) -> Result<Self, Rejection> {
        let mut parameters = BTreeMap::new();
        for (name, value) in query.0 {
            if !filters.contains(&name.as_str()) && !paging.contains(&name.as_str()) {
                let known = [paging, filters].concat();
                return Err(Rejection::unknown_parameter(&name, &known));
            }
            if parameters.insert(name.clone(), value).is_some() {
                let detail = format!("{name} is given twice in the query.");
                return Err(Rejection::new(Code::InvalidFilter, detail).parameter(name));
            }
        }
        let filter: Vec<_> = filters
            .iter()
            .filter_map(|n| Some(format!("{n}={}", parameters.get(*n)?)))
            .collect();
        Ok(Self {
            list: format!("{list}?{}", filter.join("&")),
            parameters,
        })
    }

    pub(crate) fn limit(&self) -> Result<usize, Rejection> {
        let Some(text) = self.parameters.get("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        text.parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| {
                Rejection::new(
                    Code::InvalidLimit,
                    format!("limit is a number from 1 to {MAX_LIMIT}."),
                )
                .parameter("limit")
            })
    }

    pub(crate) fn cursor(&self, function: &AppState) -> Result<Option<String>, Rejection> {
        self.parameters
            .get("cursor")
            .map(|cursor| function.cursors.open(&self.list, cursor))
            .transpose()
    }

    /// A filter's value, parsed. `allowed` completes the sentence that begins with the filter's
    /// name and "is".
    pub(crate) fn filter<T>(
        &self,
        name: &'static str,
        allowed: impl Fn() -> String,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Rejection> {
        let Some(text) = self.parameters.get(name) else {
            return Ok(None);
        };
        let wrong = || {
            let detail = format!("{name} is {}.", allowed());
            Rejection::new(Code::InvalidFilter, detail).parameter(name)
        };
        parse(text).map(Some).ok_or_else(wrong)
    }

    /// A filter that is true or false.
    pub(crate) fn choice(&self, name: &'static str) -> Result<Option<bool>, Rejection> {
        let form = || "true or false".to_owned();
        self.filter(name, form, |text| text.parse().ok())
    }

    /// The same; false if it is not given.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Rejection> {
        Ok(self.choice(name)?.unwrap_or(false))
    }

    /// Words of a list, separated by commas. None of them if the filter is not given.
    pub(crate) fn words<T: Copy>(
        &self,
        name: &'static str,
        words: &[T],
        text: impl Fn(T) -> &'static str,
    ) -> Result<Vec<T>, Rejection> {
        let allowed = || {
            let words: Vec<_> = words.iter().map(|word| text(*word)).collect();
            format!("one or more of {}, separated by commas", words.join(", "))
        };
        let find = |sent: &str| words.iter().copied().find(|word| text(*word) == sent);
        let found = self.filter(name, allowed, |sent| sent.split(',').map(find).collect());
        Ok(found?.unwrap_or_default())
    }

    /// One word of a list.
    pub(crate) fn word<T: Copy>(
        &self,
        name: &'static str,
        words: &[T],
        text: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>, Rejection> {
        let allowed = || {
            let words: Vec<_> = words.iter().map(|word| text(*word)).collect();
            format!("one of {}", words.join(", "))
        };
        self.filter(name, allowed, |sent| {
            words.iter().copied().find(|word| text(*word) == sent)
        })
    }

    pub(crate) fn webhook(&self, name: &'static str) -> Result<Option<WebhookId>, Rejection> {
        let form = || {
            "a webhook's id: 1 to 64 letters, digits, underscores or hyphens, as in wh_0a1b2c3d4e5f6g7h8j9k".to_owned()
        };
        self.filter(name, form, |text| text.parse().ok())
    }

    pub(crate) fn event_id(&self, name: &'static str) -> Result<Option<EventId>, Rejection> {
        let form = || "an event's id: 1 to 64 letters, digits, underscores or hyphens".to_owned();
        self.filter(name, form, |text| text.parse().ok())
    }

    /// Codes of responses, separated by commas. None of them if the filter is not given.
    pub(crate) fn response_codes(
        &self,
        name: &'static str,
    ) -> Result<Vec<ResponseCodes>, Rejection> {
        let form = || {
            "one or more status codes (503) or classes of them (5xx), separated by commas"
                .to_owned()
        };
        let read = |text: &str| text.split(',').map(ResponseCodes::parse).collect();
        Ok(self.filter(name, form, read)?.unwrap_or_default())
    }

    pub(crate) fn contract(&self, name: &'static str) -> Result<Option<String>, Rejection> {
        let form = || "a contract's name: lower-case letters, digits and hyphens".to_owned();
        self.filter(name, form, |text| {
            Contract::is_name(text).then(|| text.to_owned())
        })
    }

    pub(crate) fn tenant(&self, name: &'static str) -> Result<Option<TenantId>, Rejection> {
        let form = || "a tenant's id: 1 to 64 letters, digits, underscores or hyphens".to_owned();
        self.filter(name, form, |text| text.parse().ok())
    }

    pub(crate) fn event_type(&self, name: &'static str) -> Result<Option<EventFilter>, Rejection> {
        let form = || "an event type (item.created), a component (item.*) or *".to_owned();
        self.filter(name, form, |text| {
            EventFilter::try_from(text.to_owned()).ok()
        })
    }

    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Time>, Rejection> {
        let form = || {
            "a time in RFC 3339, as in 2026-01-31T12:00:00Z. In a query + means a space: write the + of an offset as %2B".to_owned()
        };
        self.filter(name, form, Time::parse_rfc3339)
    }

    /// A page of entries that are all in memory. `place` says where an entry stands in the list,
    /// which goes from the highest place to the lowest.
    pub(crate) fn page_of<T>(
        &self,
        function: &AppState,
        mut items: Vec<T>,
        place: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Rejection> {
        let (limit, cursor) = (self.limit()?, self.cursor(function)?);
        items.retain(|item| cursor.as_ref().is_none_or(|cursor| place(item) < *cursor));
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(place);
        Ok(Page { items, next })
    }

    /// The answer: the items and a sealed cursor. `place` is the cursor with which the list goes on
    /// after an item: a page of large items ends early.
    pub(crate) fn answer<T, S: Serialize>(
        &self,
        function: &AppState,
        page: Page<T>,
        place: impl Fn(&T) -> String,
        show: impl Fn(&T) -> S,
    ) -> Response {
        let (items, next) = self.shown(page, MAX_PAGE_BYTES, place, show);
        let next_cursor = next.map(|place| function.cursors.seal(&self.list, &place));
        json(StatusCode::OK, List { items, next_cursor })
    }

    /// The same for a list that pages refresh: 304 if the caller has this very answer. That saves
    /// its bytes; the reads are made all the same.
    pub(crate) fn answer_if_new<T, S: Serialize>(
        &self,
        (function, conditions): (&AppState, &Conditions),
        page: Page<T>,
        place: impl Fn(&T) -> String,
        show: impl Fn(&T) -> S,
    ) -> Response {
        let (items, next) = self.shown(page, MAX_PAGE_BYTES, place, show);
        let next_cursor = next.map(|place| function.cursors.seal(&self.list, &place));
        let told = items.iter().map(|item| Some(item.get()));
        let tag = tag_of_content(told.chain([next_cursor.as_deref()]));
        shown(conditions, &tag, || {
            json(StatusCode::OK, List { items, next_cursor })
        })
    }

    /// As many of a page's items in JSON as `most` bytes hold, one at least, and where the list
    /// goes on. An item that cannot be shown is told and left out.
    fn shown<T, S: Serialize>(
        &self,
        page: Page<T>,
        most: usize,
        place: impl Fn(&T) -> String,
        show: impl Fn(&T) -> S,
    ) -> (Vec<Box<RawValue>>, Option<String>) {
        let (mut items, mut bytes, mut last) = (Vec::new(), 0, None);
        for item in &page.items {
            let Ok(json) = to_raw_value(&show(item)) else {
                let fault = Fault::corrupt(Stage::Respond, "an entry is no JSON");
                let fields = serde_json::json!({"list": self.list, "position": place(item)});
                telemetry::fault("list.entry_unreadable", &fault, &fields);
                continue;
            };
            bytes += json.get().len();
            if bytes > most
                && let Some(last) = last
            {
                return (items, Some(place(last)));
            }
            items.push(json);
            last = Some(item);
        }
        (items, page.next)
    }
}

/// A page of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Not derived: that would write the entry's schema into each list, so that generators would make a
/// second class of it.
impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new()
            .items(Ref::from_schema_name(T::name()))
            .description(Some(
                "Newest first if they have a time. Up to `limit`, fewer if they are large.",
            ));
        let cursor = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The cursor of the next page, if there is one."));
        ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("items", items)
            .required("items")
            .property("nextCursor", cursor)
            .into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        let entry = T::name();
        format!("{}List", entry.trim_end_matches("Entry")).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests;
