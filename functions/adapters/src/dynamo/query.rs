//! Queries and their rows.
//!
//! A list has many rows, and an unreadable one must not make the others fail: [`Rows::readable`]
//! leaves it out, counts it and logs its key. `clippy.toml` forbids the SDK's own queries
//! everywhere else, so each caller decides whether it can do without a row.

use std::collections::HashMap;
use std::task::Context;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity, Select};
use domain::format::FORMAT_NAME;
use domain::ports::{Fault, FaultKind, OrFault as _, Stage};
use futures::stream::{self, Stream, TryStreamExt as _};

use super::{Item, is_newer, s, text};
use crate::aws_error::OrAwsFault as _;
use crate::telemetry;

/// A query of one partition.
#[derive(Clone)]
pub(crate) struct Query {
    table: String,
    index: Option<&'static str>,
    condition: &'static str,
    filter: Option<String>,
    values: Item,
    newest_first: bool,
    consistent: bool,
    limit: Option<i32>,
    counted: bool,
    attributes: &'static [&'static str],
    from: Option<Item>,
}

/// The result of one request.
pub(crate) struct Found {
    pub(crate) rows: Rows,
    /// The number of rows, also if only the number was requested.
    pub(crate) count: u64,
    /// Where the next request continues.
    pub(crate) next: Option<Item>,
    /// Its read units.
    pub(crate) units: f64,
}

impl Query {
    /// A query of a table, with a key condition.
    pub(crate) fn new(table: &str, condition: &'static str) -> Self {
        Self {
            table: table.to_owned(),
            index: None,
            condition,
            filter: None,
            values: Item::new(),
            newest_first: false,
            consistent: false,
            limit: None,
            counted: false,
            attributes: &[],
            from: None,
        }
    }

    /// Queries an index.
    pub(crate) fn index(mut self, name: &'static str) -> Self {
        self.index = Some(name);
        self
    }

    /// The value of a placeholder.
    pub(crate) fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    /// Only rows that meet this condition as well. The others cost as much.
    pub(crate) fn filter(mut self, expression: String) -> Self {
        self.filter = Some(expression);
        self
    }

    /// Newest first, by sort key.
    pub(crate) fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// Strongly consistent; twice the price.
    pub(crate) fn consistent(mut self) -> Self {
        self.consistent = true;
        self
    }

    /// At most this many rows per request, whether or not they meet the filter. Without a limit, at
    /// most a megabyte.
    pub(crate) fn limit(mut self, rows: i32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Returns only the number of rows.
    pub(crate) fn counted(mut self) -> Self {
        self.counted = true;
        self
    }

    /// Only these attributes of each row. The others cost as much.
    pub(crate) fn attributes(mut self, names: &'static [&'static str]) -> Self {
        self.attributes = names;
        self
    }

    /// Continues where an earlier request stopped.
    pub(crate) fn from(mut self, place: Option<Item>) -> Self {
        self.from = place;
        self
    }

    #[expect(clippy::disallowed_methods, reason = "the one place it is for")]
    fn request(self, dynamo: &Client) -> QueryFluentBuilder {
        // With placeholders: a name may be a reserved word in DynamoDB. With the format: part of a
        // row must not be read without it.
        let format = (!self.attributes.is_empty()).then_some(&FORMAT_NAME);
        let names = self.attributes.iter().chain(format);
        let placeholders: Vec<String> = names.clone().map(|name| format!("#{name}")).collect();
        let names = names.map(|name| (format!("#{name}"), (*name).to_owned()));
        dynamo
            .query()
            .set_index_name(self.index.map(str::to_owned))
            .table_name(self.table)
            .key_condition_expression(self.condition)
            .set_filter_expression(self.filter)
            .set_expression_attribute_values(Some(self.values))
            .set_projection_expression(Some(placeholders.join(", ")).filter(|p| !p.is_empty()))
            .set_expression_attribute_names(
                Some(names.collect::<HashMap<_, _>>()).filter(|names| !names.is_empty()),
            )
            .scan_index_forward(!self.newest_first)
            .consistent_read(self.consistent)
            .set_limit(self.limit)
            .set_select(self.counted.then_some(Select::Count))
            .set_exclusive_start_key(self.from)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// One request.
    pub(crate) async fn page(self, dynamo: &Client, stage: Stage) -> Result<Found, Fault> {
        // Boxed: the SDK's futures are nested so deep that, together with the flows above them,
        // they exceed the compiler's limit.
        let answer = Box::pin(self.request(dynamo).send())
            .await
            .or_fault(stage)?;
        Ok(Found {
            rows: Rows(answer.items.unwrap_or_default()),
            count: u64::try_from(answer.count).unwrap_or(0),
            next: answer.last_evaluated_key.filter(|key| !key.is_empty()),
            units: answer
                .consumed_capacity
                .and_then(|capacity| capacity.capacity_units)
                .unwrap_or(0.0),
        })
    }

    /// All rows, with as many requests as it takes: for partitions that are known to be small.
    pub(crate) async fn whole(self, dynamo: &Client, stage: Stage) -> Result<Rows, Fault> {
        self.each(dynamo, stage).try_collect().await.map(Rows)
    }

    /// All rows, one after another, for partitions that may be large: at most one page of them is
    /// in memory.
    pub(crate) fn each(
        self,
        dynamo: &Client,
        stage: Stage,
    ) -> impl Stream<Item = Result<Item, Fault>> + Send + Unpin + use<> {
        let mut items = self.request(dynamo).into_paginator().items().send();
        stream::poll_fn(move |context: &mut Context<'_>| {
            let next = items.poll_next(context);
            next.map(|row| row.map(|row| row.or_fault(stage)))
        })
    }
}

/// Rows in stored form.
#[derive(Default)]
pub(crate) struct Rows(Vec<Item>);

impl Rows {
    /// Reads each row. An unreadable one is left out, counted and named in the log.
    pub(crate) fn readable<T>(self, read: impl Fn(Item) -> Result<T, Fault>) -> Vec<T> {
        let read = |item: Item| {
            let place = RowKey::of(&item);
            read(item).map_err(|_| place.tell()).ok()
        };
        self.0.into_iter().filter_map(read).collect()
    }

    /// Reads all rows or fails: for rows that are meaningful only together.
    pub(crate) fn all<T>(
        self,
        read: impl FnMut(Item) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        self.0.into_iter().map(read).collect()
    }

    /// These rows, followed by others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The rows in stored form, readable or not.
    pub(crate) fn raw(self) -> Vec<Item> {
        self.0
    }

    /// Partition and sort key of each: all that an index or a list of entries contains.
    pub(crate) fn keys(&self) -> Vec<(String, String)> {
        let key = |item: &Item| Some((text(item, "pk")?.to_owned(), text(item, "sk")?.to_owned()));
        self.0.iter().filter_map(key).collect()
    }
}

/// The primary key of a row, and whether its format is newer. Its other attributes may contain a
/// tenant's data, and do not go into the log.
pub(crate) struct RowKey {
    pk: String,
    sk: String,
    is_newer: bool,
}

impl RowKey {
    pub(crate) fn of(item: &Item) -> Self {
        let part = |name| text(item, name).unwrap_or_default().to_owned();
        Self {
            pk: part("pk"),
            sk: part("sk"),
            is_newer: is_newer(item),
        }
    }

    /// Whether it is the key of a delivery in the log.
    pub(crate) fn is_of_delivery(&self) -> bool {
        self.sk.split('#').count() == 2
    }

    /// Reports that the row cannot be read.
    pub(crate) fn tell(&self) {
        let kind = match self.is_newer {
            true => FaultKind::Newer,
            false => FaultKind::Corrupt,
        };
        telemetry::unreadable(&self.pk, &self.sk, kind);
    }
}

/// The maximum number of keys in one `BatchGetItem`.
pub(crate) const MAX_BATCH: usize = 100;

/// The rows of up to a hundred keys, in any order; missing rows are left out. Also returns the read
/// units.
#[expect(clippy::disallowed_methods, reason = "the one place it is for")]
pub(crate) async fn rows_of(
    dynamo: &Client,
    table: &str,
    keys: &[(String, String)],
    is_consistent: bool,
    stage: Stage,
) -> Result<(Rows, f64), Fault> {
    let key = |(pk, sk): &(String, String)| {
        Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
    };
    let mut wanted: Vec<Item> = keys.iter().map(key).collect();
    let (mut rows, mut units) = (Vec::new(), 0.0);
    while !wanted.is_empty() {
        let request = KeysAndAttributes::builder()
            .set_keys(Some(wanted))
            .consistent_read(is_consistent)
            .build()
            .or_bug(stage)?;
        let request = dynamo
            .batch_get_item()
            .request_items(table, request)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = Box::pin(request.send()).await.or_fault(stage)?;
        rows.extend(
            answer
                .responses
                .unwrap_or_default()
                .remove(table)
                .unwrap_or_default(),
        );
        units += answer
            .consumed_capacity
            .unwrap_or_default()
            .iter()
            .filter_map(|capacity| capacity.capacity_units)
            .sum::<f64>();
        wanted = answer
            .unprocessed_keys
            .unwrap_or_default()
            .remove(table)
            .map(|rest| rest.keys)
            .unwrap_or_default();
    }
    Ok((Rows(rows), units))
}

#[cfg(test)]
mod tests;
