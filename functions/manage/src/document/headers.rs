//! Where the document says `ETag`, `If-Match`, `If-None-Match` and `Location`, so that a new
//! operation needs no word of its own. A resource can be changed where its path takes GET, and PUT
//! or PATCH.

use api::document::responses::ConditionalResponses;
use utoipa::IntoResponses as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi as Document, RefOr, ResponseBuilder};

/// The lists that pages refresh.
const REFRESHED: [&str; 3] = ["webhooks.list", "events.list", "deliveries.list"];

/// A batch starts several things, and says of each which.
const BATCH: &str = "/batch";

/// Adds them to every operation that has them.
pub(super) fn add(document: &mut Document) {
    let paths = &mut document.paths.paths;
    let is_changed =
        |item: &PathItem| item.get.is_some() && (item.put.is_some() || item.patch.is_some());
    let resources: Vec<_> = paths
        .iter()
        .filter(|(_, item)| is_changed(item))
        .map(|(path, _)| path.clone())
        .collect();
    for (path, item) in paths.iter_mut() {
        let makers = [&mut item.post, &mut item.put].into_iter().flatten();
        makers.filter(|_| !path.ends_with(BATCH)).for_each(locates);
        let is_refreshed = |list: &&mut Operation| {
            let id = list.operation_id.as_deref().unwrap_or_default();
            REFRESHED.contains(&id)
        };
        item.get.iter_mut().filter(is_refreshed).for_each(refreshes);
    }
    for resource in resources {
        let collection = resource.rsplit_once('/').map(|(before, _)| before);
        let secrets = format!("{resource}/secret/");
        for (path, item) in paths.iter_mut() {
            if *path == resource {
                item.get.iter_mut().for_each(reads);
                let writes = [&mut item.put, &mut item.patch, &mut item.delete];
                writes.into_iter().flatten().for_each(changes);
                item.put.iter_mut().for_each(creates);
            } else if path.starts_with(&secrets) {
                let writes = [&mut item.post, &mut item.delete];
                writes.into_iter().flatten().for_each(changes);
            } else if Some(path.as_str()) == collection {
                item.post.iter_mut().for_each(shows);
            }
        }
    }
}

/// Its successes have the tag of the version.
fn shows(operation: &mut Operation) {
    let description = "The version of the resource: a strong entity tag.";
    gives(operation, &["200", "201"], "ETag", description);
}

/// What it makes or starts can be read elsewhere.
fn locates(operation: &mut Operation) {
    let description = "Where the resource can be read.";
    gives(operation, &["201", "202"], "Location", description);
}

fn gives(operation: &mut Operation, statuses: &[&str], name: &str, description: &str) {
    for status in statuses {
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(*status) {
            let header = HeaderBuilder::new()
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .description(Some(description))
                .build();
            response.headers.insert(name.to_owned(), header.into());
        }
    }
}

fn reads(operation: &mut Operation) {
    shows(operation);
    let description = "ETags that you have. If the resource still has one of them, the response is 304 without a body.";
    takes(operation, "If-None-Match", description);
    may_be_known(operation);
}

fn refreshes(operation: &mut Operation) {
    gives(
        operation,
        &["200"],
        "ETag",
        "A strong entity tag of this page of the list.",
    );
    let description = "The ETag of the page that you have. If the list still gives it, the response is 304 without a body.";
    takes(operation, "If-None-Match", description);
    may_be_known(operation);
}

fn may_be_known(operation: &mut Operation) {
    let known =
        ResponseBuilder::new().description("Not modified since the version in `If-None-Match`.");
    let responses = &mut operation.responses.responses;
    responses.insert("304".to_owned(), known.build().into());
}

fn changes(operation: &mut Operation) {
    shows(operation);
    let description = "The ETag of the version that you change. If the resource has another one by now, nothing is changed.";
    takes(operation, "If-Match", description);
    let responses = &mut operation.responses.responses;
    responses.extend(ConditionalResponses::responses());
}

fn creates(operation: &mut Operation) {
    let description = "`*` creates the resource and never replaces one.";
    takes(operation, "If-None-Match", description);
}

fn takes(operation: &mut Operation, header: &str, description: &str) {
    let parameter = ParameterBuilder::new()
        .name(header)
        .parameter_in(ParameterIn::Header)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(parameter.build().into());
}
