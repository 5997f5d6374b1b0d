//! Connections that are kept for the next request, and what happens to that request if the receiver
//! has closed one, or closes it now.
//!
//! If the request has not left, it goes out on a new connection, within the same attempt. If some
//! of it has left, a receiver may have accepted it, and the attempt has failed. A receiver never
//! gets one attempt's request twice.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::egress::HttpSender;
use domain::outcome::{FailureKind, Outcome};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::runtime::Builder;

use crate::failures::kind;
use crate::support::{Script, policy, request, sender};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const NAME: &str = "kept.test-dns.example";

/// A byte stream whose socket can be closed at any moment.
trait Wire: Read + Write + Send {
    fn socket(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

/// The complete requests that a server has read, counted by the header `x-number`.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<HashMap<u32, u32>>>);

impl Record {
    fn complete(&self) -> Vec<(u32, u32)> {
        let mut all: Vec<_> = self.0.lock().unwrap().clone().into_iter().collect();
        all.sort_unstable();
        all
    }

    /// Reads a request's head; returns its number and the remaining bytes of its body. `None` if
    /// the client closed the connection.
    fn head(wire: &mut dyn Wire) -> Option<(u32, usize)> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if wire.read(&mut byte).ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let value = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().parse::<u32>().unwrap()
        };
        Some((value("x-number: "), value("content-length: ") as usize))
    }

    /// Reads a complete request and records it; returns whether one arrived.
    fn whole(&self, wire: &mut dyn Wire) -> bool {
        let Some((number, length)) = Self::head(wire) else {
            return false;
        };
        if wire.read_exact(&mut vec![0; length]).is_err() {
            return false;
        }
        *self.0.lock().unwrap().entry(number).or_default() += 1;
        true
    }
}

/// A server with one thread per connection. The handler gets the number of earlier connections.
fn serve(
    each: impl Fn(Box<dyn Wire>, usize) + Send + Sync + 'static,
    tls: Option<Arc<ServerConfig>>,
) -> (SocketAddr, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (each, connections) = (Arc::new(each), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let wire: Box<dyn Wire> = match &tls {
                Some(config) => {
                    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                    Box::new(StreamOwned::new(connection, stream))
                }
                None => Box::new(stream),
            };
            let mut count = count.lock().unwrap();
            let (before, each) = (*count, Arc::clone(&each));
            *count += 1;
            std::thread::spawn(move || each(wire, before));
        }
    });
    (address, connections)
}

/// Sends RST instead of FIN.
fn reset(wire: Box<dyn Wire>) {
    let socket = tokio_socket(wire.socket());
    drop(wire);
    drop(socket);
}

/// The standard library's `set_linger` is not stable; tokio's is.
fn tokio_socket(socket: &TcpStream) -> TcpStream {
    let copy = socket.try_clone().unwrap();
    copy.set_nonblocking(true).unwrap();
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let _inside = runtime.enter();
    let copy = tokio::net::TcpStream::from_std(copy).unwrap();
    copy.set_zero_linger().unwrap();
    copy.into_std().unwrap()
}

fn numbered(url: &str, number: u32) -> domain::outcome::OutgoingRequest {
    let mut numbered = request(url);
    numbered
        .headers
        .push(("x-number".into(), number.to_string()));
    numbered
}

fn is_ok(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Response { status: 200, .. })
}

/// A server that answers one request per connection, closes the first connection on request, and
/// reports the close.
struct Closing {
    address: SocketAddr,
    connections: Arc<Mutex<usize>>,
    record: Record,
    close: Sender<()>,
    closed: Receiver<()>,
}

fn closing(how: fn(Box<dyn Wire>), tls: Option<Arc<ServerConfig>>) -> Closing {
    let (close, told) = channel();
    let (tell, closed) = channel();
    let (told, record) = (Mutex::new(told), Record::default());
    let kept = record.clone();
    let each = move |mut wire: Box<dyn Wire>, before: usize| {
        assert!(record.whole(wire.as_mut()));
        wire.write_all(OK).unwrap();
        if before == 0 {
            told.lock().unwrap().recv().unwrap();
            how(wire);
            tell.send(()).unwrap();
        }
    };
    let (address, connections) = serve(each, tls);
    Closing {
        address,
        connections,
        record: kept,
        close,
        closed,
    }
}

impl Closing {
    /// One request, then the close, then another request: both are answered, and each arrived once.
    async fn check(&self, sender: &HttpSender, url: &str) {
        assert!(is_ok(&sender.post(&numbered(url, 1)).await));
        self.close.send(()).unwrap();
        // Without a pause for the client, as in a process that Lambda froze meanwhile.
        self.closed.recv().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let second = sender.post(&numbered(url, 2)).await;
        assert!(is_ok(&second), "{second:?}");
        assert_eq!(self.record.complete(), [(1, 1), (2, 1)]);
        assert_eq!(*self.connections.lock().unwrap(), 2);
    }
}

fn tls() -> (Arc<ServerConfig>, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    (Arc::new(config), cert.der().clone())
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_replaced_at_once() {
    for how in [drop as fn(Box<dyn Wire>), reset] {
        let server = closing(how, None);
        let url = format!("http://{}/", server.address);
        server.check(&sender(Script::loopback()), &url).await;
    }
}

#[tokio::test]
async fn a_kept_connection_with_tls_is_replaced_likewise() {
    for how in [drop as fn(Box<dyn Wire>), reset] {
        let (config, root) = tls();
        let server = closing(how, Some(config));
        let sender =
            HttpSender::new(policy(&["127.0.0.0/8"]), Script::loopback(), &[root]).unwrap();
        let url = format!("https://{NAME}:{}/", server.address.port());
        server.check(&sender, &url).await;
    }
}

#[test]
fn a_kept_connection_is_replaced_likewise_on_threads_of_the_clients_own() {
    let threads = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let own = Builder::new_current_thread().enable_all().build().unwrap();
    let server = closing(drop, None);
    let url = format!("http://{}/", server.address);
    let sender = sender(Script::loopback()).with_receiver_runtime(threads.handle().clone());
    own.block_on(server.check(&sender, &url));
}

/// What a server does with the second request of a connection, after it has answered the first.
type End = fn(&Record, Box<dyn Wire>);

/// The second request's outcome, the requests that arrived completely, and the number of
/// connections.
async fn second_request_meets(end: End, secure: bool) -> (Outcome, Vec<(u32, u32)>, usize) {
    let record = Record::default();
    let kept = record.clone();
    let (config, root) = tls();
    let each = move |mut wire: Box<dyn Wire>, _| {
        assert!(record.whole(wire.as_mut()));
        wire.write_all(OK).unwrap();
        end(&record, wire);
    };
    let (address, connections) = serve(each, secure.then_some(config));
    let url = if secure {
        format!("https://{NAME}:{}/", address.port())
    } else {
        format!("http://{address}/")
    };
    let sender = HttpSender::new(policy(&["127.0.0.0/8"]), Script::loopback(), &[root]).unwrap();
    assert!(is_ok(&sender.post(&numbered(&url, 1)).await));
    let outcome = sender.post(&numbered(&url, 2)).await;
    let connections = *connections.lock().unwrap();
    (outcome, kept.complete(), connections)
}

#[tokio::test]
async fn a_request_whose_connection_ends_while_it_is_under_way_is_not_sent_again() {
    let ends: [(End, &[(u32, u32)]); 4] = [
        (
            |_, mut wire| {
                Record::head(wire.as_mut()).unwrap();
            },
            &[(1, 1)],
        ),
        (
            |_, mut wire| {
                Record::head(wire.as_mut()).unwrap();
                reset(wire);
            },
            &[(1, 1)],
        ),
        (
            |record, mut wire| {
                assert!(record.whole(wire.as_mut()));
            },
            &[(1, 1), (2, 1)],
        ),
        (
            |record, mut wire| {
                assert!(record.whole(wire.as_mut()));
                reset(wire);
            },
            &[(1, 1), (2, 1)],
        ),
    ];
    for (end, complete) in ends {
        for secure in [false, true] {
            let (outcome, got, connections) = second_request_meets(end, secure).await;
            assert_eq!(kind(&outcome), FailureKind::Reset, "{outcome:?}");
            assert_eq!((got.as_slice(), connections), (complete, 1));
        }
    }
}

#[tokio::test]
async fn whenever_a_receiver_hangs_up_no_request_comes_twice() {
    const REQUESTS: u32 = 400;
    let record = Record::default();
    let kept = record.clone();
    let (address, connections) = serve(
        move |mut wire, before| {
            // Answers a few, then closes a little later, at about the moment in which the next
            // request is sent.
            for _ in 0..1 + before % 3 {
                if !record.whole(wire.as_mut()) {
                    return;
                }
                wire.write_all(OK).unwrap();
            }
            std::thread::sleep(Duration::from_micros(before as u64 * 37 % 500));
            if before % 2 == 0 {
                reset(wire);
            }
        },
        None,
    );
    let (sender, url) = (sender(Script::loopback()), format!("http://{address}/"));
    let mut ended = HashMap::new();
    for number in 0..REQUESTS {
        let outcome = sender.post(&numbered(&url, number)).await;
        *ended.entry(is_ok(&outcome)).or_insert(0) += 1;
        if !is_ok(&outcome) {
            assert_eq!(kind(&outcome), FailureKind::Reset);
        }
        tokio::time::sleep(Duration::from_micros(u64::from(number) * 53 % 700)).await;
    }
    let complete = kept.complete();
    println!("{ended:?} on {} connections", connections.lock().unwrap());
    assert!(
        complete.iter().all(|(_, times)| *times == 1),
        "{complete:?}"
    );
    assert!(complete.len() >= ended[&true]);
}
