//! Calls whose responses never come, over a connection that stays open. By default the SDK waits
//! for them forever: one such call would cost a whole invocation, and every delivery in it a second
//! POST.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapters::clock::SystemClock;
use domain::event;
use domain::flow::RECORDING_RESERVE;
use domain::ports::{Clock as _, DeliveryStore as _};
use domain::ulid::Ulid;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::cloud::Cloud;

/// A relay before the cloud. Requests on its first connections are executed, and no response comes
/// back.
pub(crate) struct Relay {
    pub(crate) address: String,
    connections: Arc<AtomicUsize>,
}

impl Relay {
    pub(crate) async fn start(silent: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_silent = counted.fetch_add(1, Ordering::Relaxed) < silent;
                tokio::spawn(relay(client, is_silent));
            }
        });
        Self {
            address,
            connections,
        }
    }
}

async fn relay(mut client: TcpStream, is_silent: bool) {
    let mut cloud = TcpStream::connect(Cloud::address()).await.unwrap();
    if is_silent {
        let (mut request, _kept_open) = client.split();
        let (_unread, mut landing) = cloud.split();
        // Ends when the SDK closes the connection.
        drop(tokio::io::copy(&mut request, &mut landing).await);
    } else {
        drop(copy_bidirectional(&mut client, &mut cloud).await);
    }
}

fn new_event(name: &str) -> event::Event {
    let key = Ulid::derived(SystemClock.now(), name);
    let event = event::parse(br#"{"type": "item.created", "data": {}}"#).unwrap();
    event.accept("acme".parse().unwrap(), key)
}

#[tokio::test]
async fn a_write_whose_answer_never_comes_is_asked_for_again_and_counts_once() {
    let cloud = Cloud::open().await;
    let relay = Relay::start(1).await;
    let store = cloud.store_by(&relay.address);
    let event = new_event("once");

    assert!(store.put_event(&event, &[], "owner").await.unwrap());

    assert_eq!(relay.connections.load(Ordering::Relaxed), 2);
    let record = cloud
        .store
        .get_stored_event(&event.tenant, event.key)
        .await
        .unwrap();
    assert_eq!(record.unwrap().event.id, event.id);
    assert!(!cloud.store.put_event(&event, &[], "another").await.unwrap());
    cloud.close().await;
}

#[tokio::test]
async fn a_table_that_never_answers_is_given_up_while_there_is_time_to_say_so() {
    let cloud = Cloud::open().await;
    let relay = Relay::start(usize::MAX).await;
    let store = cloud.store_by(&relay.address);

    let event = new_event("never");
    let answer =
        tokio::time::timeout(RECORDING_RESERVE, store.put_event(&event, &[], "owner")).await;

    let fault = answer.expect("an end").expect_err("no answer, no success");
    println!("{fault}");
    assert!(relay.connections.load(Ordering::Relaxed) > 1);
    cloud.close().await;
}
