//! `postel health`: which Postel this is, whether it answers, and what the key may do.

use serde_json::{Value, json};

use crate::api::operations;
use crate::context::Context;
use crate::failure::{Done, Exit};
use crate::member::Member as _;
use crate::output::text;

pub(super) async fn run(context: &Context) -> Done {
    let target = &context.client.target;
    let health = context.client.json(&operations::HEALTH.call()).await?;
    let me = context.client.json(&operations::ME.call()).await?;
    let shown = json!({
        "url": target.url,
        "from": target.origin,
        "status": health.member("status"),
        "version": health.member("version"),
        "cli": env!("CARGO_PKG_VERSION"),
        "key": me.member("kind"),
        "tenant": target.tenant.clone().map_or_else(|| me.member("tenantId").clone(), Value::from),
        "scopes": me.member("scopes"),
        "expiresAt": me.member("expiresAt"),
    });
    let Value::Object(members) = shown else {
        return Ok(Exit::Done);
    };
    let present = members
        .into_iter()
        .filter(|(name, value)| !value.is_null() || context.out.json && name == "tenant")
        .collect();
    context.out.object(&Value::Object(present))?;
    if text(&health, "version") != env!("CARGO_PKG_VERSION") && !context.out.json {
        crate::output::note(
            "The stack has another version than this program: where they differ, the API says what it does not know.",
        );
    }
    Ok(Exit::Done)
}
