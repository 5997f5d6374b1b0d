//! No packet goes to an internal address, whatever the URL, the name or the environment.

use crate::support::{Script, Server, policy, request, sender};
use adapters::egress::{HttpSender, Lookup, SystemLookup, client};
use domain::guard::{DenyReason, EgressPolicy};
use domain::outcome::{FailureKind, Outcome};
use serde_json::Value;
use std::net::IpAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn rows() -> Vec<Value> {
    const ROWS: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/ssrf_urls.json"
    ));
    let data: Value = serde_json::from_str(ROWS).unwrap();
    data["rows"].as_array().unwrap().clone()
}

fn addresses(answer: &Value) -> Vec<std::net::IpAddr> {
    answer
        .as_array()
        .unwrap()
        .iter()
        .map(|ip| ip.as_str().unwrap().parse().unwrap())
        .collect()
}

/// The outcome that a tenant sees for a name, whatever the reason.
fn not_public() -> Outcome {
    Outcome::failure(
        FailureKind::Dns,
        "the name does not lead to a public address",
    )
}

#[tokio::test]
async fn every_rejected_row_is_refused_before_any_look_up() {
    let own = "this-api.execute-api.region.amazonaws.com".to_owned();
    let lookup = Script::loopback();
    let sender = HttpSender::new(
        EgressPolicy::new(vec![], false, vec![own]),
        lookup.clone(),
        &[],
    )
    .unwrap();
    let mut refused = 0;
    for row in rows().iter().filter(|row| row["verdict"] == "reject") {
        let url = row["url"]
            .as_str()
            .unwrap()
            .replace("/a*2100", &"/a".repeat(1050));
        let Outcome::Failure { kind, detail } = sender.post(&request(url)).await else {
            panic!("{row}");
        };
        assert!(
            matches!(kind, FailureKind::AddressBlocked | FailureKind::InvalidUrl),
            "{row}: {kind:?}"
        );
        assert_eq!(row["reason"], detail.as_str(), "{row}");
        refused += 1;
    }
    assert!(refused >= 110, "{refused}");
    assert_eq!(lookup.asked(), 0);
}

#[tokio::test]
async fn every_row_with_a_denied_answer_is_refused_after_one_look_up() {
    for row in rows()
        .iter()
        .filter(|row| row["verdict"] == "block_connect")
    {
        let first = addresses(&row["dns"][0]);
        // The first answer of a rebinding row is a public address: allowed, but tests must not
        // connect to it.
        if !first.is_empty()
            && first
                .iter()
                .all(|ip| EgressPolicy::default().check_address(*ip).is_ok())
        {
            continue;
        }
        let lookup = Script::new(vec![first]);
        let sender = HttpSender::new(EgressPolicy::default(), lookup.clone(), &[]).unwrap();
        let outcome = sender.post(&request(row["url"].as_str().unwrap())).await;
        assert_eq!(outcome, not_public(), "{row}");
        assert_eq!(lookup.asked(), 1);
    }
}

#[tokio::test]
async fn a_name_that_changes_its_answer_never_reaches_the_second_one() {
    // 127.0.0.1 stands for the public address, 127.0.0.2 for the internal one, on the same port.
    let outside = Server::answering(OK).await;
    let inside = Server::new(
        &format!("127.0.0.2:{}", outside.address.port()),
        |_| async {},
    )
    .await;
    let lookup = Script::new(vec![
        vec!["127.0.0.1".parse().unwrap()],
        vec!["127.0.0.2".parse().unwrap()],
    ]);
    let sender = HttpSender::new(policy(&["127.0.0.1/32"]), lookup.clone(), &[]).unwrap();
    let rebinding = request(format!(
        "http://rebind.test-dns.example:{}/",
        outside.address.port()
    ));

    assert!(matches!(
        sender.post(&rebinding).await,
        Outcome::Response { status: 200, .. }
    ));
    assert_eq!(lookup.asked(), 1);
    assert_eq!(sender.post(&rebinding).await, not_public());
    assert_eq!(lookup.asked(), 2);
    assert_eq!((outside.connections(), inside.connections()), (1, 0));
}

/// A name server whose answer changes each time; about every third one contains an internal
/// address, alone or with the public one.
#[derive(Clone, Default)]
struct Flips(Arc<Mutex<Vec<Vec<IpAddr>>>>);

impl Flips {
    /// 127.0.0.1 stands for the public address. All others are loopback too: if the guard were
    /// broken, its packets would not leave the machine.
    fn answer(number: usize) -> Vec<IpAddr> {
        const ANSWERS: &[&[&str]] = &[
            &["127.0.0.1"],
            &["127.0.0.2"],
            &["127.0.0.1", "127.0.0.2"],
            &["127.0.0.1"],
            &["127.0.0.2", "127.0.0.1"],
            &["::ffff:127.0.0.2"],
            &["127.0.0.1", "127.0.0.1", "::1"],
            &["127.0.0.1"],
            &["::1"],
            &["127.0.0.1", "::ffff:127.0.0.1"],
            &["127.0.0.1", "127.0.0.1"],
        ];
        // Squares modulo a prime: an order without a simple pattern.
        let texts = ANSWERS[(number * number + number / 11) % ANSWERS.len()];
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }
}

impl Lookup for Flips {
    async fn addresses(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut given = self.0.lock().unwrap();
        let answer = Self::answer(given.len());
        given.push(answer.clone());
        Ok(answer)
    }
}

#[tokio::test]
async fn a_thousand_flips_of_a_name_reach_no_denied_address_at_one_look_up_a_connection() {
    const FLIPS: usize = 1000;
    let outside = Server::answering(OK).await;
    let port = outside.address.port();
    let inside = [
        Server::new(&format!("127.0.0.2:{port}"), |_| async {}).await,
        Server::new(&format!("[::1]:{port}"), |_| async {}).await,
    ];
    let flips = Flips::default();
    let sender = HttpSender::new(policy(&["127.0.0.1/32"]), flips.clone(), &[]).unwrap();
    let mut delivered = 0;
    for number in 0..FLIPS {
        // One name for all, or one for each: neither is cached.
        let name = if number % 2 == 0 {
            "rebind".to_owned()
        } else {
            format!("rebind-{number}")
        };
        let outcome = sender
            .post(&request(format!("http://{name}.test-dns.example:{port}/")))
            .await;
        let given = flips.0.lock().unwrap().clone();
        assert_eq!(given.len(), number + 1, "one look-up a connection");
        let is_outside = given[number].iter().all(|ip| ip.to_string() == "127.0.0.1");
        assert_eq!(
            matches!(outcome, Outcome::Response { status: 200, .. }),
            is_outside,
            "{:?}: {outcome:?}",
            given[number]
        );
        assert!(is_outside || outcome == not_public(), "{outcome:?}");
        delivered += usize::from(is_outside);
    }
    let denied: usize = inside.iter().map(Server::connections).sum();
    println!(
        "{FLIPS} flips: {FLIPS} look-ups, {delivered} connections outside, {denied} to a denied address"
    );
    assert_eq!((outside.connections(), denied), (delivered, 0));
    assert!((200..800).contains(&delivered), "{delivered}");
}

#[tokio::test]
async fn a_name_that_leads_inside_looks_like_one_that_does_not_resolve() {
    for answer in [
        vec![],
        vec!["10.0.0.1"],
        vec!["169.254.169.254"],
        vec!["8.8.8.8", "127.0.0.1"],
        vec!["fd00:ec2::254"],
        vec!["::ffff:10.0.0.1"],
    ] {
        let answer = answer.iter().map(|text| text.parse().unwrap()).collect();
        let sender =
            HttpSender::new(EgressPolicy::default(), Script::new(vec![answer]), &[]).unwrap();
        let outcome = sender
            .post(&request("https://db.corp.test-dns.example/"))
            .await;
        assert_eq!(outcome, not_public());
    }
    // An address in the URL was written by the tenant, so it is told the reason.
    let sender = HttpSender::new(EgressPolicy::default(), Script::loopback(), &[]).unwrap();
    assert_eq!(
        sender.post(&request("https://10.0.0.1/")).await,
        Outcome::failure(FailureKind::AddressBlocked, "private")
    );
}

#[tokio::test]
async fn only_the_log_tells_for_what_reason_a_name_was_refused() {
    // In a separate process, whose standard output is read.
    let exe = std::env::current_exe().unwrap();
    let child = tokio::task::spawn_blocking(|| {
        let test = "hostile::the_child_of_the_log_test";
        let mut child = Command::new(exe);
        child.args(["--exact", test, "--ignored", "--nocapture"]);
        child.output().unwrap()
    });
    let output = child.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let [line] = &lines[..] else {
        panic!("{text}");
    };
    for (field, value) in [
        ("message", "receiver.address_denied"),
        ("event_id", "evt_1"),
        ("host", "db.corp.test-dns.example"),
        ("error", "address_blocked"),
        ("error_detail", "private"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
}

#[tokio::test]
#[ignore = "run by only_the_log_tells_for_what_reason_a_name_was_refused, in its own process"]
async fn the_child_of_the_log_test() {
    let inside = Script::new(vec![vec!["10.0.0.1".parse().unwrap()]]);
    let sender = HttpSender::new(EgressPolicy::default(), inside, &[]).unwrap();
    let outcome = sender
        .post(&request("https://db.corp.test-dns.example/secret-path"))
        .await;
    assert_eq!(outcome, not_public());
}

#[tokio::test]
async fn one_denied_address_refuses_the_good_ones_beside_it() {
    let outside = Server::answering(OK).await;
    let answer = vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()];
    let sender =
        HttpSender::new(policy(&["127.0.0.1/32"]), Script::new(vec![answer]), &[]).unwrap();
    let mixed = request(format!(
        "http://mixed.test-dns.example:{}/",
        outside.address.port()
    ));
    assert_eq!(sender.post(&mixed).await, not_public());
    assert_eq!(outside.connections(), 0);
}

#[tokio::test]
async fn a_number_is_judged_although_nothing_looks_it_up() {
    let inside = Server::new("127.0.0.2:0", |_| async {}).await;
    let lookup = Script::loopback();
    let sender = HttpSender::new(policy(&["127.0.0.1/32"]), lookup.clone(), &[]).unwrap();
    let outcome = sender.post(&request(inside.url("/"))).await;
    assert_eq!(
        outcome,
        Outcome::failure(FailureKind::AddressBlocked, DenyReason::Loopback.code())
    );
    assert_eq!((inside.connections(), lookup.asked()), (0, 0));
}

#[tokio::test]
async fn the_client_alone_is_https_only_unless_http_is_opened() {
    let server = Server::answering(OK).await;
    let strict = Arc::new(EgressPolicy::new(
        vec!["127.0.0.0/8".parse().unwrap()],
        false,
        vec![],
    ));
    let client = client(&strict, Script::loopback(), &[]).unwrap();
    assert!(client.post(server.url("/")).body("x").send().await.is_err());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_local_names_of_the_local_stack_are_resolved() {
    let server = Server::answering(OK).await;
    let local = HttpSender::new(policy(&["127.0.0.0/8"]), SystemLookup, &[]).unwrap();
    for host in ["localhost", "receiver.localhost"] {
        let outcome = local
            .post(&request(format!(
                "http://{host}:{}/",
                server.address.port()
            )))
            .await;
        assert!(
            matches!(outcome, Outcome::Response { status: 200, .. }),
            "{host}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_proxy_in_the_environment_is_ignored() {
    let proxy = Server::answering(OK).await;
    let target = Server::answering(OK).await;
    let url = format!("http://proxied.test-dns.example:{}/", target.address.port());
    // In a separate process: changing this one's environment would be unsafe.
    let exe = std::env::current_exe().unwrap();
    let child = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(exe);
        let test = "hostile::the_child_of_the_proxy_test";
        child
            .args(["--exact", test, "--ignored"])
            .env("CHILD_URL", url);
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
        ] {
            child.env(name, proxy.url(""));
        }
        for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
            child.env_remove(name);
        }
        (child.output().unwrap(), proxy)
    });
    let (output, proxy) = child.await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!((proxy.connections(), target.connections()), (0, 1));
}

#[tokio::test]
#[ignore = "run by a_proxy_in_the_environment_is_ignored, in its own process"]
async fn the_child_of_the_proxy_test() {
    let Ok(url) = std::env::var("CHILD_URL") else {
        return;
    };
    let outcome = sender(Script::loopback()).post(&request(url)).await;
    assert!(
        matches!(outcome, Outcome::Response { status: 200, .. }),
        "{outcome:?}"
    );
}
