//! The two ways to publish: over HTTP, and straight to the events queue.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::api::{Client, Missed, operations};
use crate::aws::{Aws, AwsError, Kind, SEND};
use crate::failure::{Exit, Failure};
use crate::member::Member as _;
use crate::output::text;

/// What `SendMessageBatch` takes (SQS API).
const MAX_ENTRIES: usize = 10;
/// What one of them may have together: SQS accepts 1 MiB, and in some regions still 256 KiB.
const MAX_ENTRY_BYTES: usize = 250 * 1024;

pub(super) enum Door {
    Http(Box<Client>),
    /// With the events queue's URL.
    Sqs(Aws, String),
}

/// What became of one event.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Accepted {
        is_duplicate: bool,
    },
    Refused {
        code: String,
        detail: String,
    },
    /// The same event may be accepted later, perhaps not before so long.
    Later {
        why: Failure,
        wait: Option<Duration>,
    },
}

impl Door {
    /// What is done with an event, for people.
    pub(super) const fn verb(&self) -> &'static str {
        match self {
            Self::Http(_) => "accepted",
            Self::Sqs(..) => "sent to the queue",
        }
    }

    /// Sends events; an outcome for each, in order. An error ends the run.
    pub(super) async fn send(
        &self,
        tenant: &str,
        events: &[&RawValue],
    ) -> Result<Vec<Outcome>, Failure> {
        match self {
            Self::Http(client) => over_http(client, tenant, events).await,
            Self::Sqs(aws, url) => over_sqs(aws, url, tenant, events).await,
        }
    }
}

async fn over_http(
    client: &Client,
    tenant: &str,
    events: &[&RawValue],
) -> Result<Vec<Outcome>, Failure> {
    let call = operations::PUBLISH_BATCH
        .call()
        .at("tenantId", tenant)
        .array("events", events)
        .repeatable();
    let response = match client.once(&call).await? {
        Ok(response) => response,
        Err(Missed {
            failure,
            wait,
            is_passing: true,
        }) => {
            return Ok(vec![Outcome::Later { why: failure, wait }; events.len()]);
        }
        Err(missed) => return Err(missed.failure),
    };
    let results = response.body.member("results").as_array();
    let results = results.map_or(&[][..], Vec::as_slice);
    let of = |n: usize| outcome(results.get(n).unwrap_or(&Value::Null));
    Ok((0..events.len()).map(of).collect())
}

/// The outcome that a batch's response tells of an event.
fn outcome(result: &Value) -> Outcome {
    let (code, detail) = (text(result, "error.code"), text(result, "error.detail"));
    match result.member("status").as_u64() {
        Some(200..300) => Outcome::Accepted {
            is_duplicate: result.member("duplicate") == true,
        },
        Some(status @ 400..500) if status != 429 => Outcome::Refused { code, detail },
        _ => Outcome::Later {
            why: Failure::new(Exit::Unavailable, "unavailable", detail),
            wait: None,
        },
    }
}

async fn over_sqs(
    aws: &Aws,
    url: &str,
    tenant: &str,
    events: &[&RawValue],
) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; events.len()];
    let mut chunks: Vec<Vec<(usize, String)>> = Vec::new();
    let mut bytes = 0;
    for (n, event) in events.iter().enumerate() {
        let body = match message(event.get(), tenant) {
            Ok(body) => body,
            Err(refused) => {
                if let Some(place) = outcomes.get_mut(n) {
                    *place = Some(refused);
                }
                continue;
            }
        };
        bytes += body.len();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < MAX_ENTRIES && bytes <= MAX_ENTRY_BYTES => {
                chunk.push((n, body));
            }
            _ => {
                bytes = body.len();
                chunks.push(vec![(n, body)]);
            }
        }
    }
    // Each is a process; `Aws` bounds how many run at once.
    let tasks: Vec<_> = chunks
        .into_iter()
        .map(|chunk| {
            let (aws, url, tenant) = (aws.clone(), url.to_owned(), tenant.to_owned());
            tokio::spawn(async move { send_chunk(&aws, &url, &tenant, chunk).await })
        })
        .collect();
    for task in tasks {
        let sent = task
            .await
            .map_err(|error| Failure::usage(error.to_string()))?;
        for (n, outcome) in sent? {
            if let Some(place) = outcomes.get_mut(n) {
                *place = Some(outcome);
            }
        }
    }
    let unknown = || Outcome::Later {
        why: Failure::new(
            Exit::Unavailable,
            "unavailable",
            "SQS said nothing about the message.",
        ),
        wait: None,
    };
    Ok(outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(unknown))
        .collect())
}

async fn send_chunk(
    aws: &Aws,
    url: &str,
    tenant: &str,
    chunk: Vec<(usize, String)>,
) -> Result<Vec<(usize, Outcome)>, Failure> {
    let entries: Vec<Value> = chunk
        .iter()
        .map(
            |(n, body)| json!({"Id": n.to_string(), "MessageBody": body, "MessageGroupId": tenant}),
        )
        .collect();
    let answer = match aws
        .send(&SEND, &json!({"QueueUrl": url, "Entries": entries}))
        .await
    {
        Ok(answer) => answer,
        Err(error) => return later(error, &chunk),
    };
    let mut outcomes = Vec::new();
    for sent in answer.member("Successful").as_array().into_iter().flatten() {
        outcomes.extend(position(sent).map(|n| {
            (
                n,
                Outcome::Accepted {
                    is_duplicate: false,
                },
            )
        }));
    }
    for failed in answer.member("Failed").as_array().into_iter().flatten() {
        let (code, detail) = (text(failed, "Code"), text(failed, "Message"));
        let outcome = match failed.member("SenderFault") == true {
            true => Outcome::Refused { code, detail },
            false => Outcome::Later {
                why: Failure::new(
                    Exit::Unavailable,
                    "unavailable",
                    format!("SQS: {detail} ({code})"),
                ),
                wait: None,
            },
        };
        outcomes.extend(position(failed).map(|n| (n, outcome)));
    }
    Ok(outcomes)
}

fn later(error: AwsError, chunk: &[(usize, String)]) -> Result<Vec<(usize, Outcome)>, Failure> {
    if error.kind != Kind::Unreachable {
        return Err(Failure::from(error));
    }
    let outcome = Outcome::Later {
        why: Failure::from(error),
        wait: None,
    };
    Ok(chunk.iter().map(|(n, _)| (*n, outcome.clone())).collect())
}

fn position(entry: &Value) -> Option<usize> {
    text(entry, "Id").parse().ok()
}

/// An event as a message: with its tenant, and otherwise byte for byte.
fn message(event: &str, tenant: &str) -> Result<String, Outcome> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, rename = "tenantId")]
        tenant: Option<&'a RawValue>,
    }
    let head: Result<Head<'_>, _> = serde_json::from_str(event);
    let own = serde_json::to_string(tenant).unwrap_or_default();
    match head.ok().and_then(|head| head.tenant) {
        Some(named) if named.get() == own => Ok(event.to_owned()),
        Some(named) => Err(Outcome::Refused {
            code: "other_tenant".to_owned(),
            detail: format!(
                "The event is of the tenant {}; this run publishes for {tenant}.",
                named.get()
            ),
        }),
        None => {
            let rest = event.strip_prefix('{').unwrap_or(event);
            let separator = if rest.trim_start().starts_with('}') {
                ""
            } else {
                ","
            };
            Ok(format!("{{\"tenantId\":{own}{separator}{rest}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_tenant_and_keeps_the_bytes() {
        let sent = |event: &str| message(event, "acme").ok();
        assert_eq!(
            sent(r#"{"id":"a", "data": 1.0}"#).unwrap(),
            r#"{"tenantId":"acme","id":"a", "data": 1.0}"#
        );
        assert_eq!(sent("{}").unwrap(), r#"{"tenantId":"acme"}"#);
        let named = r#"{"tenantId": "acme", "data": {"tenantId": "b"}}"#;
        assert_eq!(sent(named).unwrap(), named);
        assert!(sent(r#"{"tenantId":"other"}"#).is_none());
    }

    #[test]
    fn a_batchs_response_tells_each_event_apart() {
        assert!(matches!(
            outcome(&json!({"status": 202, "duplicate": true})),
            Outcome::Accepted { is_duplicate: true }
        ));
        assert!(matches!(
            outcome(&json!({"status": 422})),
            Outcome::Refused { .. }
        ));
        assert!(matches!(
            outcome(&json!({"status": 429})),
            Outcome::Later { .. }
        ));
        assert!(matches!(
            outcome(&json!({"status": 503})),
            Outcome::Later { .. }
        ));
        assert!(matches!(outcome(&Value::Null), Outcome::Later { .. }));
    }
}
