//! One function as Lambda runs it: its own binary, a process, the Runtime API (AWS Lambda Developer
//! Guide, "Custom runtimes"), one event at a time.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot};

use crate::process::{self, Spent};
use crate::web::{self, Reply, Wire, reply, whole};

/// How long a function may take to start and to handle one event.
const MAX_START: Duration = Duration::from_secs(30);
/// Lambda's time limit for the dispatcher, as the template sets it.
const DEADLINE: Duration = Duration::from_secs(80);

pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) took: Duration,
}

type Waiting = oneshot::Sender<Result<Bytes, String>>;

struct Runtime {
    events: AsyncMutex<mpsc::UnboundedReceiver<(u64, Bytes)>>,
    waiting: Mutex<HashMap<String, Waiting>>,
    first_next: Notify,
    nexts: AtomicU64,
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) bytes: AtomicU64,
    pub(crate) lines: AtomicU64,
    last: Mutex<Vec<String>>,
}

/// A running function.
pub(crate) struct Function {
    child: Child,
    runtime: Arc<Runtime>,
    send: mpsc::UnboundedSender<(u64, Bytes)>,
    number: AtomicU64,
    pub(crate) log: Arc<Log>,
    /// Time from exec to the first `/next`, and the resources used.
    pub(crate) start: (Duration, Spent),
}

impl Function {
    /// Starts a binary and waits until it requests its first event.
    pub(crate) async fn start(
        binary: &Path,
        environment: &[(String, String)],
    ) -> Result<Self, String> {
        let (send, events) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            events: AsyncMutex::new(events),
            waiting: Mutex::default(),
            first_next: Notify::new(),
            nexts: AtomicU64::new(0),
        });
        let shared = Arc::clone(&runtime);
        let handle = move |request| api(Arc::clone(&shared), request);
        let address = web::serve(Arc::new(Wire::default()), handle)
            .await
            .map_err(said)?;
        let began = Instant::now();
        let mut child = spawn(binary, environment, address)
            .map_err(|e| format!("{}: {e}", binary.display()))?;
        let log = Arc::new(Log::default());
        if let Some(out) = child.stdout.take() {
            tokio::spawn(read(BufReader::new(out), Arc::clone(&log)));
        }
        let asked = tokio::time::timeout(MAX_START, runtime.first_next.notified()).await;
        let took = began.elapsed();
        let mut function = Self {
            child,
            runtime,
            send,
            number: AtomicU64::new(0),
            log,
            start: (took, Spent::default()),
        };
        if asked.is_err() {
            return Err(format!(
                "{} asked for no event: {}",
                binary.display(),
                function.last_lines()
            ));
        }
        function.start.1 = function.spent()?;
        Ok(function)
    }

    /// The resources that its process has used so far.
    pub(crate) fn spent(&self) -> Result<Spent, String> {
        let pid = self.child.id().ok_or("the function has ended")?;
        process::spent(pid).map_err(said)
    }

    /// Passes one event to the function and waits for the answer.
    pub(crate) async fn invoke(&self, event: Bytes) -> Result<Answer, String> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (tell, told) = oneshot::channel();
        self.runtime.waiting().insert(request_id(number), tell);
        let began = Instant::now();
        self.send.send((number, event)).map_err(said)?;
        let answered = tokio::time::timeout(DEADLINE, told).await;
        let body = answered
            .map_err(|_| format!("no answer in time: {}", self.last_lines()))?
            .map_err(|_| format!("the function ended: {}", self.last_lines()))?
            .map_err(|error| format!("the function failed: {error}: {}", self.last_lines()))?;
        Ok(Answer {
            body,
            took: began.elapsed(),
        })
    }

    pub(crate) fn last_lines(&self) -> String {
        self.log
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.child.kill().await;
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn spawn(
    binary: &Path,
    environment: &[(String, String)],
    runtime: SocketAddr,
) -> io::Result<Child> {
    Command::new(binary)
        .env_clear()
        .envs(environment.iter().cloned())
        .env("AWS_LAMBDA_RUNTIME_API", runtime.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

async fn read(mut out: BufReader<tokio::process::ChildStdout>, log: Arc<Log>) {
    let mut line = Vec::new();
    while let Ok(length) = out.read_until(b'\n', &mut line).await {
        if length == 0 {
            return;
        }
        log.bytes.fetch_add(length as u64, Ordering::Relaxed);
        log.lines.fetch_add(1, Ordering::Relaxed);
        let mut last = log.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= 3 {
            last.remove(0);
        }
        last.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}

impl Runtime {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As long as Lambda's own: each log line has it, and the bytes of the log are counted.
fn request_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Lambda's side of the Runtime API.
async fn api(runtime: Arc<Runtime>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path().to_owned();
    let path = path.trim_start_matches("/2018-06-01/runtime/");
    if request.method() == Method::GET && path == "invocation/next" {
        return next(&runtime).await;
    }
    let body = whole(request.into_body()).await;
    let told = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["invocation", id, "response"] => Some((*id, Ok(body))),
        ["invocation", id, _] => Some((*id, Err(String::from_utf8_lossy(&body).into_owned()))),
        _ => None,
    };
    if let Some((id, answer)) = told
        && let Some(tell) = runtime.waiting().remove(id)
    {
        let _ = tell.send(answer);
    }
    reply(202, "application/json", r#"{"status":"OK"}"#)
}

async fn next(runtime: &Runtime) -> Reply {
    if runtime.nexts.fetch_add(1, Ordering::Relaxed) == 0 {
        runtime.first_next.notify_one();
    }
    let Some((number, event)) = runtime.events.lock().await.recv().await else {
        return reply(500, "application/json", "{}");
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut reply = reply(200, "application/json", event);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", request_id(number)),
        (
            "lambda-runtime-deadline-ms",
            (now + DEADLINE).as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:postel-bench".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0".to_owned(),
        ),
    ] {
        if let Ok(value) = value.parse() {
            reply.headers_mut().insert(name, value);
        }
    }
    reply
}
