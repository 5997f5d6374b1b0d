//! A fake AWS that answers at once and counts everything: DynamoDB, SQS, KMS, EventBridge
//! Scheduler, Secrets Manager.
//!
//! It implements only what Postel calls. tests/e2e/test_bench.py checks that it counts what the
//! local cloud logs and what DynamoDB charges.

mod dynamo;
mod expression;
mod size;
mod store;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hyper::Request;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::tally::Tally;
use crate::web::{self, Reply, Wire, reply, whole};
use size::Item;
use store::Store;

/// The prefix of a fake ciphertext, which anyone can decrypt.
const SEALED: &[u8] = b"sealed:";
/// Long enough for an operator's key.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";

/// A message that a function sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) queue: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct State {
    store: Store,
    tally: Tally,
    sent: Vec<Sent>,
    /// Calls that are not implemented: the bench must not continue.
    unknown: Vec<String>,
}

/// The running fake AWS.
#[derive(Clone)]
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    pub(crate) address: SocketAddr,
}

impl Cloud {
    pub(crate) async fn start() -> io::Result<Self> {
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let handle = move |request| answer(Arc::clone(&shared), request);
        let address = web::serve(Arc::new(Wire::default()), handle).await?;
        Ok(Self { state, address })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The counts since the last call.
    ///
    /// # Errors
    /// If a function made a call that is not implemented.
    pub(crate) fn take_tally(&self) -> Result<Tally, String> {
        self.with(|state| match state.unknown.first() {
            Some(unknown) => Err(format!("the stand-in for AWS does not know: {unknown}")),
            None => Ok(std::mem::take(&mut state.tally)),
        })
    }

    /// The messages sent since the last call.
    pub(crate) fn take_sent(&self) -> Vec<Sent> {
        self.with(|state| std::mem::take(&mut state.sent))
    }

    /// Deletes a table's items.
    pub(crate) fn forget(&self, table: &str) {
        self.with(|state| state.store.forget(table));
    }

    /// How many items a table has.
    pub(crate) fn count(&self, table: &str) -> usize {
        self.with(|state| state.store.count(table))
    }

    /// A table's mean item, in bytes.
    pub(crate) fn mean_bytes(&self, table: &str) -> f64 {
        self.with(|state| state.store.mean_bytes(table))
    }

    /// Copies a table's first item under this many other sort keys, over all its tenant's shards,
    /// to simulate a log that has grown.
    pub(crate) fn grow(&self, table: &str, number: usize) -> Result<(), String> {
        self.with(|state| {
            let first = state.store.all().find(|(of, _)| *of == table);
            let text = first
                .map(|(_, text)| text.to_owned())
                .ok_or("nothing to copy")?;
            let mut item: Item = serde_json::from_str(&text).map_err(|e| e.to_string())?;
            let (pk, sk) = (
                store::key(&item, "pk")?.to_owned(),
                store::key(&item, "sk")?.to_owned(),
            );
            let tenant = pk.split('#').next().unwrap_or_default();
            let time = sk.get(..10).unwrap_or_default();
            for n in 0..number {
                item.insert("pk".to_owned(), json!({"S": format!("{tenant}#{}", n % 4)}));
                item.insert("sk".to_owned(), json!({"S": format!("{time}{n:016}")}));
                state.store.put(table, &item)?;
            }
            Ok(())
        })
    }

    /// Copies every item that contains a name, under other names.
    pub(crate) fn copy(
        &self,
        table: &str,
        name: &str,
        others: impl Iterator<Item = String>,
    ) -> Result<(), String> {
        self.with(|state| {
            let texts: Vec<String> = state
                .store
                .all()
                .filter(|(of, text)| *of == table && text.contains(name))
                .map(|(_, text)| text.to_owned())
                .collect();
            for other in others {
                for text in &texts {
                    let item: Item = serde_json::from_str(&text.replace(name, &other))
                        .map_err(|e| e.to_string())?;
                    state.store.put(table, &item)?;
                }
            }
            Ok(())
        })
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Reply {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let path = request.uri().path().to_owned();
    let body = whole(request.into_body()).await;
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let (kind, answered) = known(&mut state, &target, &path, &body);
    let (status, text) = match answered {
        Ok((status, answered)) => (status, answered.to_string()),
        Err(why) => {
            state.unknown.push(format!("{kind}: {why}"));
            (
                501,
                json!({"__type": "NotImplemented", "message": why}).to_string(),
            )
        }
    };
    state.tally.call(kind, body.len(), text.len());
    reply(status, "application/x-amz-json-1.0", text)
}

type Known = (String, Result<(u16, Value), String>);

fn known(state: &mut State, target: &str, path: &str, body: &[u8]) -> Known {
    let asked: Item = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(e) => return (target.to_owned(), Err(e.to_string())),
    };
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    match target.split_once('.').unwrap_or_default() {
        ("DynamoDB_20120810", operation) => {
            match dynamo::answer(&mut state.store, operation, &asked) {
                Ok(done) => {
                    *state.tally.units.entry(done.table.clone()).or_default() += done.units;
                    (
                        format!("dynamodb {operation} {}", done.table),
                        Ok((done.status, done.body)),
                    )
                }
                Err(why) => (format!("dynamodb {operation}"), Err(why)),
            }
        }
        ("AmazonSQS", "SendMessage") => {
            let queue = queue(text("QueueUrl"));
            send(state, &queue, text("MessageBody"));
            (
                format!("sqs SendMessage {queue}"),
                Ok((200, json!({"MessageId": "m"}))),
            )
        }
        ("AmazonSQS", "SendMessageBatch") => {
            let queue = queue(text("QueueUrl"));
            let entries = asked
                .get("Entries")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let done: Vec<Value> = entries
                .iter()
                .map(|entry| {
                    let body = entry["MessageBody"].as_str().unwrap_or_default();
                    send(state, &queue, body);
                    json!({"Id": entry["Id"], "MessageId": "m"})
                })
                .collect();
            (
                format!("sqs SendMessageBatch {queue}"),
                Ok((200, json!({"Successful": done, "Failed": []}))),
            )
        }
        ("TrentService" | "secretsmanager", operation) => secret(operation, &text),
        _ if path.starts_with("/schedules/") => (
            "scheduler CreateSchedule".to_owned(),
            Ok((200, json!({"ScheduleArn": "arn"}))),
        ),
        _ => (
            format!("{target} {path}"),
            Err("nothing is known of it".to_owned()),
        ),
    }
}

/// KMS and Secrets Manager.
fn secret<'a>(operation: &str, text: &dyn Fn(&str) -> &'a str) -> Known {
    match operation {
        "Encrypt" => {
            let plain = BASE64_STANDARD
                .decode(text("Plaintext"))
                .unwrap_or_default();
            let cipher = BASE64_STANDARD.encode([SEALED, &plain].concat());
            (
                "kms Encrypt".to_owned(),
                Ok((
                    200,
                    json!({"CiphertextBlob": cipher, "KeyId": text("KeyId")}),
                )),
            )
        }
        "Decrypt" => {
            let cipher = BASE64_STANDARD
                .decode(text("CiphertextBlob"))
                .unwrap_or_default();
            let plain = cipher
                .strip_prefix(SEALED)
                .map(|plain| BASE64_STANDARD.encode(plain));
            let answer =
                plain.map(|plain| (200, json!({"Plaintext": plain, "KeyId": text("KeyId")})));
            (
                "kms Decrypt".to_owned(),
                answer.ok_or_else(|| "not sealed here".to_owned()),
            )
        }
        "GetSecretValue" => (
            "secretsmanager GetSecretValue".to_owned(),
            Ok((200, json!({"SecretString": SECRET, "Name": "secret"}))),
        ),
        other => (other.to_owned(), Err("nothing is known of it".to_owned())),
    }
}

/// A queue's name: the last part of its URL.
fn queue(url: &str) -> String {
    url.rsplit('/').next().unwrap_or_default().to_owned()
}

fn send(state: &mut State, queue: &str, body: &str) {
    state.sent.push(Sent {
        queue: queue.to_owned(),
        body: body.to_owned(),
    });
}
