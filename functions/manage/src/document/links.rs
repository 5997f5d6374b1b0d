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
pub(super) const LINK_SOURCES: [LinkSource; 31] = [
    giver("tenants.upsert", "200", "tenantId", "/id"),
    giver("tenants.upsert", "201", "tenantId", "/id"),
    giver("tenants.list", "200", "tenantId", "/items/0/id"),
    giver("keys.create", "201", "keyId", "/id"),
    giver("keys.list", "200", "keyId", "/items/0/id"),
    giver("sessions.create", "201", "sessionId", "/id"),
    giver("sessions.list", "200", "sessionId", "/items/0/id"),
    giver("operatorSessions.list", "200", "sessionId", "/items/0/id"),
    giver("webhooks.create", "201", "webhookId", "/id"),
    giver("webhooks.list", "200", "webhookId", "/items/0/id"),
    giver("webhooks.test", "200", "deliveryId", "/deliveryId"),
    giver("events.publish", "202", "eventId", "/id"),
    giver("events.publishBatch", "202", "eventId", "/results/0/id"),
    giver("events.get", "200", "deliveryId", "/deliveries/0/id"),
    giver("deliveries.list", "200", "deliveryId", "/items/0/id"),
    giver("deliveries.get", "200", "eventId", "/eventId"),
    giver("deliveries.get", "200", "webhookId", "/webhookId"),
    giver("deliveries.retry", "202", "deliveryId", "/deliveryId"),
    giver("deadLetters.list", "200", "deadLetterId", "/items/0/id"),
    giver(
        "operatorDeadLetters.list",
        "200",
        "deadLetterId",
        "/items/0/id",
    ),
    giver("deadLetters.get", "200", "deliveryId", "/deliveryId"),
    giver("deadLetters.redrive", "202", "deliveryId", "/deliveryId"),
    giver("deadLetters.redrive", "202", "eventId", "/eventId"),
    giver("redrives.create", "202", "redriveId", "/id"),
    giver("webhooks.retryFailed", "202", "redriveId", "/id"),
    giver("contracts.upsert", "200", "contractName", "/name"),
    giver("contracts.upsert", "201", "contractName", "/name"),
    giver("contracts.list", "200", "contractName", "/items/0/name"),
    giver("eventTypes.upsert", "200", "eventType", "/type"),
    giver("eventTypes.upsert", "201", "eventType", "/type"),
    giver("eventTypes.list", "200", "eventType", "/items/0/type"),
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
