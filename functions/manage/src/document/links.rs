//! What an answer names can be asked for next: a link from each answer that gives an id to each
//! operation that takes it, so that a new operation is linked to without a word.

use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{OpenApi as Document, PathItem, RefOr};

/// An answer that names something.
pub(super) struct LinkSource {
    pub(super) operation: &'static str,
    pub(super) status: &'static str,
    /// Which path parameter it would be elsewhere.
    parameter: &'static str,
    /// Where it stands in the answer.
    pub(super) pointer: &'static str,
}

const fn giver(
    operation: &'static str,
    status: &'static str,
    parameter: &'static str,
    pointer: &'static str,
) -> LinkSource {
    LinkSource {
        operation,
        status,
        parameter,
        pointer,
    }
}

/// All of them; of a list the first entry, since a link cannot name each.
pub(super) const LINK_SOURCES: [LinkSource; 28] = [
    giver("put_tenant", "200", "tenant", "/id"),
    giver("put_tenant", "201", "tenant", "/id"),
    giver("list_tenants", "200", "tenant", "/items/0/id"),
    giver("create_key", "201", "key", "/id"),
    giver("list_keys", "200", "key", "/items/0/id"),
    giver("create_webhook", "201", "webhook", "/id"),
    giver("list_webhooks", "200", "webhook", "/items/0/id"),
    giver("test_webhook", "200", "delivery", "/deliveryId"),
    giver("publish_event", "202", "event", "/id"),
    giver("publish_events", "202", "event", "/results/0/id"),
    giver("get_event", "200", "delivery", "/deliveries/0/id"),
    giver("list_deliveries", "200", "delivery", "/items/0/id"),
    giver("get_delivery", "200", "event", "/eventId"),
    giver("get_delivery", "200", "webhook", "/webhookId"),
    giver("retry_delivery", "202", "delivery", "/deliveryId"),
    giver("list_dead_letters", "200", "letter", "/items/0/id"),
    giver("list_all_dead_letters", "200", "letter", "/items/0/id"),
    giver("get_dead_letter", "200", "delivery", "/deliveryId"),
    giver("redrive_dead_letter", "202", "delivery", "/deliveryId"),
    giver("redrive_dead_letter", "202", "event", "/eventId"),
    giver("create_redrive", "202", "job", "/id"),
    giver("retry_failed", "202", "job", "/id"),
    giver("put_contract", "200", "name", "/name"),
    giver("put_contract", "201", "name", "/name"),
    giver("list_contracts", "200", "name", "/items/0/name"),
    giver("put_event_type", "200", "type", "/type"),
    giver("put_event_type", "201", "type", "/type"),
    giver("list_event_types", "200", "type", "/items/0/type"),
];

/// An operation as links see it.
struct Target {
    name: String,
    path: Vec<String>,
}

/// Adds all links.
pub(super) fn add(document: &mut Document) {
    let paths = &mut document.paths.paths;
    let targets: Vec<Target> = paths
        .values_mut()
        .flat_map(operations)
        .map(|operation| target(operation))
        .collect();
    for source in paths.values_mut().flat_map(operations) {
        let from = target(source);
        let givers = LINK_SOURCES
            .iter()
            .filter(|giver| giver.operation == from.name);
        let links = givers.flat_map(|giver| {
            let takers = targets
                .iter()
                .filter_map(|to| Some((giver.status, to.name.clone(), link(&from, giver, to)?)));
            takers.collect::<Vec<_>>()
        });
        for (status, name, link) in links {
            if let Some(RefOr::T(answer)) = source.responses.responses.get_mut(status) {
                answer.links.insert(name, link.into());
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

fn target(operation: &Operation) -> Target {
    let in_path = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(told) if told.parameter_in == ParameterIn::Path => Some(told.name.clone()),
        _ => None,
    };
    let parameters = operation.parameters.iter().flatten();
    Target {
        name: operation.operation_id.clone().unwrap_or_default(),
        path: parameters.filter_map(in_path).collect(),
    }
}

/// A link to an operation whose path parameters the response or the request provides.
fn link(from: &Target, giver: &LinkSource, to: &Target) -> Option<Link> {
    if !to.path.iter().any(|name| name == giver.parameter) {
        return None;
    }
    let mut link = LinkBuilder::new().operation_id(&to.name);
    for name in &to.path {
        let value = if name == giver.parameter {
            format!("$response.body#{}", giver.pointer)
        } else if from.path.contains(name) {
            format!("$request.path.{name}")
        } else {
            return None;
        };
        link = link.parameter(name, value);
    }
    Some(link.build())
}
