//! `postel seed`: something to look at in the console.

use serde_json::{Value, json};

use super::portal;
use crate::api::{Call, operations};
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::output::{note, text};

/// Make a tenant with two webhooks and 20 events, and print a link to its portal.
///
/// The webhooks are inboxes in Postel itself, so no receiver is needed. One of them always fails:
/// its deliveries become dead letters. With --remove the tenant is deleted again.
#[derive(Debug, clap::Args)]
pub(crate) struct Seed {
    /// Delete the tenant that an earlier `postel seed` made
    #[arg(long)]
    remove: bool,
}

/// The tenant, if none is named with --tenant.
const TENANT: &str = "demo";
/// What marks the tenant as one that may be deleted.
const NAME: &str = "Demo (made by postel seed)";
const EVENTS: usize = 20;
/// Soon exhausted: a few seconds later the failing webhook has dead letters.
const DELAYS: [u32; 2] = [1, 2];
const TYPES: [&str; 4] = [
    "invoice.paid",
    "invoice.created",
    "member.created",
    "report.ready",
];

impl Seed {
    pub(super) async fn run(self, context: &Context) -> Done {
        let tenant = context
            .options
            .tenant
            .clone()
            .unwrap_or_else(|| TENANT.to_owned());
        let found = existing(context, &tenant).await?;
        match (self.remove, found) {
            (true, None) => context.done(
                &format!("There is no tenant {tenant}: nothing to remove."),
                &json!({"id": tenant, "deleted": false}),
            ),
            (_, Some(name)) if name != NAME => Err(Failure::new(
                Exit::Refused,
                "not_seeded",
                format!("The tenant {tenant} was not made by `postel seed`: it is left alone."),
            )
            .hint("Name another one with --tenant.")),
            (true, Some(_)) => remove(context, &tenant).await,
            (false, Some(_)) => Err(Failure::new(
                Exit::Refused,
                "exists",
                format!("The tenant {tenant} is there already."),
            )
            .hint("`postel seed --remove` deletes it; --tenant names another one.")),
            (false, None) => plant(context, &tenant).await,
        }
    }
}

/// The tenant's name, if there is one.
async fn existing(context: &Context, tenant: &str) -> Result<Option<String>, Failure> {
    let call = operations::TENANT.call().at("tenantId", tenant);
    match context.client.json(&call).await {
        Ok(found) => Ok(Some(text(&found, "name"))),
        Err(failure) if failure.exit == Exit::NotFound => Ok(None),
        Err(failure) if failure.exit == Exit::Key => {
            Err(failure.hint("Making tenants needs the operator's key."))
        }
        Err(failure) => Err(failure),
    }
}

async fn plant(context: &Context, tenant: &str) -> Done {
    let made = fill(context, tenant).await;
    let (link, webhooks) = made.map_err(|failure| {
        let begun = format!(
            "The tenant {tenant} may be there in part: postel seed --remove --tenant {tenant}"
        );
        let hint = failure
            .hint
            .clone()
            .map_or(begun.clone(), |hint| format!("{hint}\n{begun}"));
        failure.hint(hint)
    })?;
    let value = json!({"tenant": tenant, "webhooks": webhooks, "events": EVENTS, "portal": link});
    if context.out.json {
        context.out.json(&value)?;
        return Ok(Exit::Done);
    }
    note(&format!(
        "Tenant {tenant} has two webhooks and {EVENTS} events. One webhook fails: in a few seconds its deliveries are dead letters."
    ));
    context.out.line(&crate::output::shown(&link))?;
    note("Open the link within 60 seconds; it works once.");
    note(&format!("Another link: postel portal --tenant {tenant}"));
    note(&format!(
        "Remove it all: postel seed --remove --tenant {tenant}"
    ));
    Ok(Exit::Done)
}

/// Tenant, webhooks and events; the portal's link and the webhooks' ids.
async fn fill(context: &Context, tenant: &str) -> Result<(String, Vec<String>), Failure> {
    let one = |operation: &'static operations::Operation| operation.call().at("tenantId", tenant);
    let send = async |call: Call| context.client.json(&call).await;
    let call = one(&operations::TENANT_UPSERT).field("name", Some(NAME));
    send(call.field("contract", Some("standard")).repeatable()).await?;
    let failing = json!([{"status": 500, "body": "This receiver always fails."}]);
    let mut webhooks = Vec::new();
    for (name, events, responses) in [
        ("ERP integration", "*", None),
        ("Old chat channel", "invoice.*", Some(failing)),
    ] {
        let call = one(&operations::WEBHOOK_CREATE)
            .field("name", Some(name))
            .field("url", Some("postel:inbox"))
            .field("events", Some(vec![events]))
            .field("overrides", Some(json!({"retryDelaysSeconds": DELAYS})));
        let id = text(&send(call).await?, "id");
        if let Some(responses) = responses {
            let call = one(&operations::INBOX_RESPONSES).at("webhookId", &id);
            send(call.field("responses", Some(responses)).repeatable()).await?;
        }
        webhooks.push(id);
    }
    let events: Vec<Value> = (1..=EVENTS).map(event).collect();
    let call = one(&operations::PUBLISH_BATCH).field("events", Some(events));
    let answer = send(call.repeatable()).await?;
    check(&answer)?;
    Ok((portal::link(context, tenant).await?, webhooks))
}

fn event(number: usize) -> Value {
    let kind = TYPES.iter().cycle().nth(number).unwrap_or(&"invoice.paid");
    json!({
        "id": format!("demo-{number}"),
        "type": kind,
        "data": {"id": format!("demo_{number}"), "number": number, "amount": number * 100},
    })
}

/// Each event of the batch was accepted.
fn check(answer: &Value) -> Result<(), Failure> {
    let results = answer.get("results").and_then(Value::as_array);
    let refused = results
        .into_iter()
        .flatten()
        .find(|result| text(result, "status") != "202");
    match refused {
        None => Ok(()),
        Some(result) => Err(Failure::new(
            Exit::Unavailable,
            &text(result, "error.code"),
            text(result, "error.detail"),
        )),
    }
}

async fn remove(context: &Context, tenant: &str) -> Done {
    let call = operations::TENANT_DELETE.call().at("tenantId", tenant);
    context.client.send(&call.repeatable()).await?;
    context.done(
        &format!("The tenant {tenant} is deleted with its webhooks. Its events stay in the log until they expire."),
        &json!({"id": tenant, "deleted": true}),
    )
}
