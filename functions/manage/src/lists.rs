//! What all lists have in common: a limit, a cursor, filters from the query string.

use std::borrow::Cow;
use std::collections::BTreeMap;

use adapters::delivery_store::Page;
use adapters::telemetry;
use api::caller::json;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use domain::event_type::EventFilter;
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Stage};
use domain::rejection::{Code, Rejection};
use domain::time::Time;
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
                return Err(Rejection::new(Code::InvalidFilter, detail).field(name));
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
                .field("limit")
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
            Rejection::new(Code::InvalidFilter, detail).field(name)
        };
        parse(text).map(Some).ok_or_else(wrong)
    }

    /// A filter that is true or false; false if it is not given.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Rejection> {
        let form = || "true or false".to_owned();
        let given = self.filter(name, form, |text| text.parse().ok())?;
        Ok(given.unwrap_or(false))
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

    pub(crate) fn webhook(&self, name: &'static str) -> Result<Option<WebhookId>, Rejection> {
        let form = || {
            "a webhook's id: 1 to 64 letters, digits, underscores or hyphens, as in wh_0a1b2c3d4e5f6g7h8j9k".to_owned()
        };
        self.filter(name, form, |text| text.parse().ok())
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
mod tests {
    use domain::delivery::Status;

    use super::*;

    fn query(parameters: &[(&str, &str)]) -> Query<Vec<(String, String)>> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Query(parameters.iter().map(owned).collect())
    }

    fn list(parameters: &[(&str, &str)]) -> Result<ListQuery, Rejection> {
        ListQuery::new(
            query(parameters),
            "x",
            &["status", "webhookId", "type", "since"],
        )
    }

    #[test]
    fn a_value_that_cannot_be_is_answered_with_those_that_can() {
        let one = |name, value| list(&[(name, value)]).unwrap();
        let status = one("status", "failed,done").words("status", &Status::ALL, Status::as_str);
        let webhook = one("webhookId", "a.b").webhook("webhookId").map(|_| None);
        let event_type = one("type", "it*").event_type("type").map(|_| None);
        let since = one("since", "2026-11-27T10:00:00 01:00").time("since");
        for (field, refused, told) in [
            (
                "status",
                status.map(|_| ()),
                "pending, processing, retrying, completed, failed",
            ),
            ("webhookId", webhook.map(|_: Option<()>| ()), "wh_"),
            ("type", event_type.map(|_: Option<()>| ()), "item.created"),
            ("since", since.map(|_| ()), "2026-01-31T12:00:00Z"),
        ] {
            let rejection = refused.unwrap_err();
            assert_eq!(rejection.field.as_deref(), Some(field));
            assert!(rejection.detail.contains(told), "{}", rejection.detail);
        }
        let plus = one("since", "2026-11-27T10:00:00 01:00")
            .time("since")
            .unwrap_err();
        assert!(plus.detail.contains("%2B"), "{}", plus.detail);
    }

    #[test]
    fn several_words_and_components_are_taken() {
        let words = |text: &str| {
            let query = list(&[("status", text)]).unwrap();
            query.words("status", &Status::ALL, Status::as_str).ok()
        };
        assert_eq!(words("failed"), Some(vec![Status::Failed]));
        let both = vec![Status::Failed, Status::Retrying];
        assert_eq!(words("failed,retrying"), Some(both));
        for wrong in ["", "failed,", ",", "failed, retrying"] {
            assert_eq!(words(wrong), None, "{wrong}");
        }
        let none = list(&[]).unwrap();
        let status = none.words("status", &Status::ALL, Status::as_str);
        assert_eq!(status, Ok(vec![]));
        for text in ["item.created", "item.*", "*"] {
            let filter = list(&[("type", text)]).unwrap().event_type("type").unwrap();
            assert_eq!(filter.map(String::from).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_flag_is_true_or_false_and_false_if_it_is_not_given() {
        let flag = |parameters: &[(&str, &str)]| {
            let query = ListQuery::whole(query(parameters), &["dryRun"]);
            query.unwrap().flag("dryRun")
        };
        assert_eq!(flag(&[]), Ok(false));
        assert_eq!(flag(&[("dryRun", "false")]), Ok(false));
        assert_eq!(flag(&[("dryRun", "true")]), Ok(true));
        for wrong in ["", "1", "True"] {
            let refusal = flag(&[("dryRun", wrong)]).unwrap_err();
            assert_eq!(refusal.field.as_deref(), Some("dryRun"));
        }
    }

    fn shown(sizes: &[usize], most: usize) -> (Vec<usize>, Option<String>) {
        let page = Page {
            items: sizes.iter().copied().enumerate().collect(),
            next: Some("end".to_owned()),
        };
        let place = |(number, _): &(usize, usize)| number.to_string();
        // With its quotes an item has as many bytes as it says.
        let (items, next) = list(&[])
            .unwrap()
            .shown(page, most, place, |(_, size)| "x".repeat(size - 2));
        (items.iter().map(|item| item.get().len()).collect(), next)
    }

    #[test]
    fn a_page_ends_before_it_has_too_many_bytes_and_goes_on_where_it_ended() {
        let after = |place: &str| Some(place.to_owned());
        assert_eq!(shown(&[], 10), (vec![], after("end")));
        assert_eq!(shown(&[5, 5], 10), (vec![5, 5], after("end")));
        assert_eq!(shown(&[5, 5, 5], 10), (vec![5, 5], after("1")));
        assert_eq!(shown(&[5, 6, 2], 10), (vec![5], after("0")));
        assert_eq!(shown(&[50, 5], 10), (vec![50], after("0")), "one at least");
    }

    #[test]
    fn an_entry_that_cannot_be_shown_takes_no_other_with_it() {
        let page = Page {
            items: vec![1, 2, 3],
            next: None,
        };
        // A member's name cannot be a list.
        let show = |number: &u8| -> BTreeMap<Vec<u8>, u8> {
            (*number == 2).then_some((vec![1], 1)).into_iter().collect()
        };
        let (items, next) = list(&[]).unwrap().shown(page, 100, u8::to_string, show);
        assert_eq!((items.len(), next), (2, None));
    }

    #[test]
    fn a_parameter_that_is_unknown_or_given_twice_is_named() {
        let refused = |parameters: &[(&str, &str)]| list(parameters).err().unwrap();
        let unknown = refused(&[("until", "x")]);
        assert_eq!(
            unknown.detail,
            "There is no parameter until here. Allowed: limit, cursor, status, webhookId, type, since."
        );
        assert_eq!(unknown.field.as_deref(), Some("until"));
        assert_eq!(unknown.code, Code::UnknownParameter);
        let twice = refused(&[("type", "a"), ("type", "b")]);
        assert_eq!(twice.field.as_deref(), Some("type"));
        let counts = ListQuery::whole(query(&[("limit", "5")]), &["since"])
            .err()
            .unwrap();
        assert_eq!(
            counts.detail,
            "There is no parameter limit here. Allowed: since."
        );
    }
}
