//! Dead letters: a tenant's own, and for the operator all of them and those that are nobody's.

use adapters::clock::{SystemMoment, now};
use adapters::dead_letters::{DeadLetterFilter, Kept};
use adapters::http::caller::{Anyone, Caller, json};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use domain::api_key::Scope;
use domain::dead_letter::{Body, DeadLetter, Reason};
use domain::event;
use domain::flow::{Publisher, redrive_delivery};
use domain::ids::{DeadLetterId, TenantId};
use domain::rejection::{Code, Rejection};
use domain::tenant::may_publish;
use domain::time::Time;
use domain::ulid::Ulid;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lists::{ListQuery, compact};
use crate::{Answer, App, Function};

fn show(kept: &Kept) -> Value {
    let dead = &kept.dead;
    let mut answer = json!({
        "id": dead.id.to_string(),
        "reason": dead.reason.as_str(),
        "detail": dead.detail,
        "tenantId": dead.tenant.as_ref().map(TenantId::as_str),
        "createdAt": dead.at.rfc3339(),
        "redrivenAt": kept.redriven_at.map(Time::rfc3339),
    });
    let more = match &dead.body {
        Body::Delivery(died) => json!({
            "deliveryId": died.id.to_string(),
            "eventId": died.event_id.as_str(),
            "eventType": died.event_type.as_str(),
            "webhookId": died.id.webhook.as_str(),
            "attempts": died.attempts,
            "lastResponseCode": died.last_status,
            "lastError": died.last_error,
        }),
        Body::Message { sender, .. } => json!({"senderId": sender}),
    };
    if let (Some(members), Value::Object(more)) = (answer.as_object_mut(), more) {
        members.extend(more);
    }
    compact(answer)
}

/// With the message itself, which lists leave out.
fn show_whole(kept: &Kept) -> Value {
    let mut answer = show(kept);
    if let (Some(members), Body::Message { text, .. }) = (answer.as_object_mut(), &kept.dead.body) {
        members.insert("message".to_owned(), Value::from(text.as_str()));
    }
    answer
}

const KNOWN: [&str; 5] = ["webhookId", "type", "reason", "since", "until"];

fn filter(query: &ListQuery) -> Result<DeadLetterFilter, Rejection> {
    Ok(DeadLetterFilter {
        webhook: query.filter("webhookId", |text| text.parse().ok())?,
        event_type: query.filter("type", |text| text.parse().ok())?,
        reason: query.filter("reason", |text| {
            serde_json::from_value::<Reason>(Value::from(text)).ok()
        })?,
        since: query.time("since")?,
        until: query.time("until")?,
    })
}

pub(crate) async fn list(
    caller: Caller,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    let query = ListQuery::new(query, format!("dead-letters/{}", caller.tenant), &KNOWN)?;
    let cursor = query.cursor(&app)?;
    let page = app
        .dead_letters
        .list(
            &caller.tenant,
            &filter(&query)?,
            cursor.as_deref(),
            query.limit()?,
        )
        .await?;
    Ok(query.answer(&app, page, show))
}

pub(crate) async fn list_all(
    Anyone(principal): Anyone,
    query: Query<Vec<(String, String)>>,
    State(app): App,
) -> Answer {
    principal.is_operator()?;
    let query = ListQuery::new(query, "dead-letters", &KNOWN)?;
    let cursor = query.cursor(&app)?;
    let page = app
        .dead_letters
        .list_all(&filter(&query)?, cursor.as_deref(), query.limit()?)
        .await?;
    Ok(query.answer(&app, page, show))
}

impl Function {
    async fn letter(&self, tenant: Option<&TenantId>, id: &str) -> Result<Kept, crate::Problem> {
        let id: DeadLetterId = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(self
            .dead_letters
            .get(tenant, id)
            .await?
            .ok_or_else(Rejection::not_found)?)
    }

    async fn any_letter(&self, id: &str) -> Result<Kept, crate::Problem> {
        let id: DeadLetterId = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(self
            .dead_letters
            .find(id)
            .await?
            .ok_or_else(Rejection::not_found)?)
    }

    async fn remove(&self, tenant: Option<&TenantId>, id: &str) -> Answer {
        let id: DeadLetterId = id.parse().map_err(|_| Rejection::not_found())?;
        if !self.dead_letters.delete(tenant, id).await? {
            return Err(Rejection::not_found().into());
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    async fn put_back(&self, kept: Kept) -> Answer {
        let again = || {
            Rejection::new(
                Code::AlreadyRedriven,
                "This dead letter has been put back already.",
            )
        };
        if kept.redriven_at.is_some() {
            return Err(again().into());
        }
        let dead = kept.dead;
        match &dead.body {
            Body::Delivery(died) => {
                if !redrive_delivery(&self.log, &self.deliveries, now(), &dead).await? {
                    return Err(again().into());
                }
                Ok(json(
                    StatusCode::ACCEPTED,
                    json!({"deliveryId": died.id.to_string()}),
                ))
            }
            Body::Message { text, sender } => self.accept_message(&dead, text, sender).await,
        }
    }

    /// A message is put back as if it came again today: the same checks, and a key made of the dead letter's, so that repeating doubles nothing.
    async fn accept_message(&self, dead: &DeadLetter, text: &str, sender: &str) -> Answer {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            tenant_id: TenantId,
            stored: Option<Ulid>,
        }
        let refuse = |detail: String| Rejection::new(Code::NotRedrivable, detail);
        let named: Named = serde_json::from_str(text).map_err(|_| {
            refuse(
                "The message is no JSON that names a tenant: send it again, corrected.".to_owned(),
            )
        })?;
        let tenant = self.config.tenant(&named.tenant_id).await?.ok_or_else(|| {
            refuse("There is no tenant of the id that the message names.".to_owned())
        })?;
        if !may_publish(&tenant, sender, &self.trusted_senders) {
            let detail =
                "The sender is still not among the tenant's publishers: register it first.";
            return Err(refuse(detail.to_owned()).into());
        }
        let event = match named.stored {
            Some(_) => None,
            None => Some(
                event::parse_with_tenant(text.as_bytes())
                    .map_err(|rejection| {
                        refuse(format!("It is still no event: {}", rejection.detail))
                    })?
                    .0,
            ),
        };
        let publisher = Publisher {
            log: &self.log,
            outbox: &self.events,
            moment: &SystemMoment,
        };
        // The event's own id if it has one, else the dead letter's: of many who redrive at once, one announces it.
        let name = event.as_ref().and_then(|e| e.id.clone()).unwrap_or(
            dead.id
                .to_string()
                .parse()
                .map_err(|_| Rejection::not_found())?,
        );
        let key = named.stored.unwrap_or(dead.id.0);
        let published = publisher
            .publish_once(&tenant.id, &name, event, key)
            .await??;
        self.dead_letters.mark_redriven(dead, now()).await?;
        if published.duplicate {
            return Err(Rejection::new(
                Code::AlreadyRedriven,
                "This dead letter has been put back already.",
            )
            .into());
        }
        Ok(json(
            StatusCode::ACCEPTED,
            json!({"eventId": published.id.as_str()}),
        ))
    }
}

pub(crate) async fn get(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRead).await?;
    Ok(json(
        StatusCode::OK,
        show_whole(&app.letter(Some(&caller.tenant), &id).await?),
    ))
}

pub(crate) async fn delete(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRetry).await?;
    app.remove(Some(&caller.tenant), &id).await
}

pub(crate) async fn redrive(
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
) -> Answer {
    app.admit(&caller, Scope::DeliveriesRetry).await?;
    let kept = app.letter(Some(&caller.tenant), &id).await?;
    app.put_back(kept).await
}

pub(crate) async fn get_any(
    Anyone(principal): Anyone,
    Path(id): Path<String>,
    State(app): App,
) -> Answer {
    principal.is_operator()?;
    Ok(json(
        StatusCode::OK,
        show_whole(&app.any_letter(&id).await?),
    ))
}

pub(crate) async fn delete_any(
    Anyone(principal): Anyone,
    Path(id): Path<String>,
    State(app): App,
) -> Answer {
    principal.is_operator()?;
    let kept = app.any_letter(&id).await?;
    app.remove(kept.dead.tenant.as_ref(), &id).await
}

pub(crate) async fn redrive_any(
    Anyone(principal): Anyone,
    Path(id): Path<String>,
    State(app): App,
) -> Answer {
    principal.is_operator()?;
    let kept = app.any_letter(&id).await?;
    app.put_back(kept).await
}
