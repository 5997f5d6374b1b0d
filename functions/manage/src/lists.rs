//! What all lists have in common: a limit, a cursor, filters from the query string.

use std::collections::BTreeMap;

use adapters::http::caller::json;
use adapters::log::Page;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use domain::rejection::{Code, Rejection};
use domain::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Function;

const USUAL_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 250;

/// The query string of a list, each parameter at most once.
pub(crate) struct ListQuery {
    parameters: BTreeMap<String, String>,
    /// Names the list, its owner and its filter: a cursor opens under the same name only.
    list: String,
}

impl ListQuery {
    /// Reads a query string; a parameter that the list does not know is refused, since a mistyped filter would show too much.
    pub(crate) fn new(
        query: Query<Vec<(String, String)>>,
        list: impl Into<String>,
        known: &[&str],
    ) -> Result<Self, Rejection> {
        let mut parameters = BTreeMap::new();
        for (name, value) in query.0 {
            if !known.contains(&name.as_str()) && name != "limit" && name != "cursor" {
                let detail = format!(
                    "This list has no parameter {name}; it takes limit, cursor{}.",
                    {
                        let names: Vec<_> = known.iter().map(|n| format!(", {n}")).collect();
                        names.concat()
                    }
                );
                return Err(Rejection::new(Code::InvalidFilter, detail));
            }
            if parameters.insert(name, value).is_some() {
                return Err(Rejection::new(
                    Code::InvalidFilter,
                    "A parameter stands twice in the query.",
                ));
            }
        }
        let filter: Vec<_> = known
            .iter()
            .filter_map(|n| Some(format!("{n}={}", parameters.get(*n)?)))
            .collect();
        Ok(Self {
            list: format!("{}?{}", list.into(), filter.join("&")),
            parameters,
        })
    }

    pub(crate) fn limit(&self) -> Result<usize, Rejection> {
        let Some(text) = self.parameters.get("limit") else {
            return Ok(USUAL_LIMIT);
        };
        text.parse()
            .ok()
            .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
            .ok_or_else(|| {
                Rejection::new(
                    Code::InvalidLimit,
                    format!("limit is a number from 1 to {LARGEST_LIMIT}."),
                )
                .field("limit")
            })
    }

    pub(crate) fn cursor(&self, function: &Function) -> Result<Option<String>, Rejection> {
        self.parameters
            .get("cursor")
            .map(|cursor| function.cursors.open(&self.list, cursor))
            .transpose()
    }

    /// A filter's value, parsed.
    pub(crate) fn filter<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Rejection> {
        let Some(text) = self.parameters.get(name) else {
            return Ok(None);
        };
        let wrong = || {
            Rejection::new(
                Code::InvalidFilter,
                format!("This value of {name} cannot be."),
            )
            .field(name)
        };
        parse(text).map(Some).ok_or_else(wrong)
    }

    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Time>, Rejection> {
        self.filter(name, Time::parse_rfc3339)
    }

    /// The answer: the items and a sealed cursor.
    pub(crate) fn answer<T, S: Serialize>(
        &self,
        function: &Function,
        page: Page<T>,
        show: impl Fn(&T) -> S,
    ) -> Response {
        let list = List {
            items: page.items.iter().map(show).collect(),
            next_cursor: page
                .next
                .map(|place| function.cursors.seal(&self.list, &place)),
        };
        json(StatusCode::OK, list)
    }
}

/// A list, or a part of one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    /// Newest first, where they have a time.
    pub(crate) items: Vec<T>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A list that is short enough to be given whole.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }
}
