//! Receivers that send interim responses endlessly, more of them in one batch than there are
//! threads.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use domain::outcome::FailureKind;
use futures::future::join_all;
use tokio::runtime::{Builder, Runtime};

use crate::failures::kind;
use crate::support::{Script, request, sender};

const THREADS: usize = 4;
const FLOODS: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(1);
const MAX_DURATION: Duration = Duration::from_secs(2);

/// On threads of its own: the flood and its target share only the machine.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 65536]);
                let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000);
                while stream.write_all(many.as_bytes()).is_ok() {}
            });
        }
    });
    address
}

/// The dispatcher's two runtimes: see its main.rs.
fn runtimes() -> (Runtime, Runtime) {
    let receivers = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build();
    let own = Builder::new_current_thread().enable_all().build();
    (own.unwrap(), receivers.unwrap())
}

#[test]
fn floods_of_interim_answers_stop_neither_the_clock_nor_the_caller() {
    let (own, receivers) = runtimes();
    let url = format!("http://{}/", server());
    let sender = sender(Script::loopback()).with_receiver_runtime(receivers.handle().clone());
    let flooded = (0..FLOODS).map(|_| async {
        let mut one = request(&url);
        one.timeout = TIMEOUT;
        let began = Instant::now();
        (sender.post(&one).await, began.elapsed())
    });
    // Meanwhile the caller reads the clock all the time.
    let max_pause = async {
        let (began, mut longest) = (Instant::now(), Duration::ZERO);
        while began.elapsed() < TIMEOUT {
            let asked = Instant::now();
            tokio::time::sleep(Duration::from_millis(10)).await;
            longest = longest.max(asked.elapsed());
        }
        longest
    };
    let (ends, pause) = own.block_on(async { tokio::join!(join_all(flooded), max_pause) });
    receivers.shutdown_background();
    for (outcome, took) in &ends {
        assert_eq!(kind(outcome), FailureKind::Timeout);
        assert!(*took < MAX_DURATION, "{took:?}");
    }
    assert!(pause < Duration::from_millis(500), "{pause:?}");
}
