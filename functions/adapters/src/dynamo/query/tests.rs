use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::dynamo::{from_item, n};

#[derive(serde::Deserialize)]
struct Row {
    sk: String,
    #[expect(dead_code, reason = "what a row must have to be read")]
    body: String,
}

fn rows() -> Rows {
    let row = |sk: &str, body: AttributeValue| {
        Item::from([
            ("pk".to_owned(), s("t")),
            ("sk".to_owned(), s(sk)),
            ("body".to_owned(), body),
        ])
    };
    let mut bare = row("2", s(""));
    bare.remove("body");
    Rows(vec![
        row("1", s("a")),
        bare,
        row("3", n(7)),
        row("4", s("b")),
    ])
}

#[test]
fn a_row_that_cannot_be_read_is_left_out_and_its_neighbours_are_not() {
    let read = rows().readable(|item| from_item::<Row>(item, Stage::ReadStore));
    let keys: Vec<_> = read.into_iter().map(|row| row.sk).collect();
    assert_eq!(keys, ["1", "4"]);
}

#[test]
fn rows_that_belong_together_are_read_all_or_none() {
    let read = rows().all(|item| from_item::<Row>(item, Stage::ReadStore));
    assert!(read.is_err());
}

/// The body of an HTTP request, once it is there.
fn body_of(request: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(request);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let header = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = header?.parse().unwrap();
    (body.len() >= length).then(|| body.to_owned())
}

/// A table that gives these answers, one after another, and then the requests' bodies.
async fn table(answers: Vec<String>) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let body = loop {
                if let Some(body) = body_of(&request) {
                    break body;
                }
                assert!(peer.read_buf(&mut request).await.unwrap() > 0);
            };
            requests.push(body);
            let length = answer.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n"
            );
            peer.write_all((head + &answer).as_bytes()).await.unwrap();
        }
        requests
    });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{address}"));
    (Client::from_conf(config.build()), served)
}

/// A page of an answer: the sort keys of its rows, and where the next page begins.
fn page(rows: &[&str], next: Option<&str>) -> String {
    let key = |sk: &&str| serde_json::json!({"pk": {"S": "t"}, "sk": {"S": sk}});
    let items: Vec<_> = rows.iter().map(key).collect();
    let mut answer = serde_json::json!({"Items": items, "Count": items.len()});
    if let Some(next) = next {
        answer["LastEvaluatedKey"] = key(&next);
    }
    answer.to_string()
}

/// Where each request begins.
fn starts(requests: &[String]) -> Vec<Option<String>> {
    let start = |request: &String| {
        let request: serde_json::Value = serde_json::from_str(request).unwrap();
        let key = &request["ExclusiveStartKey"]["sk"]["S"];
        key.as_str().map(str::to_owned)
    };
    requests.iter().map(start).collect()
}

#[tokio::test]
async fn a_whole_partition_is_read_to_its_last_page_over_empty_ones() {
    let pages = [
        page(&["1", "2"], Some("2")),
        page(&[], Some("5")),
        page(&["6"], None),
    ];
    let (dynamo, served) = table(pages.into()).await;
    let query = Query::new("rows", "pk = :pk").value(":pk", s("t"));
    let rows = query.whole(&dynamo, Stage::ReadStore).await.unwrap();
    let keys: Vec<_> = rows.keys().into_iter().map(|(_, sk)| sk).collect();
    assert_eq!(keys, ["1", "2", "6"]);
    let from = |sk: &str| Some(sk.to_owned());
    let asked = starts(&served.await.unwrap());
    assert_eq!(asked, [None, from("2"), from("5")]);
}

#[tokio::test]
async fn a_row_of_a_page_is_there_before_the_next_page_is_asked_for() {
    let (dynamo, served) = table(vec![page(&["1", "2"], Some("2"))]).await;
    let query = Query::new("rows", "pk = :pk").value(":pk", s("t"));
    let mut rows = query.each(&dynamo, Stage::ReadStore);
    for sk in ["1", "2"] {
        let row = rows.try_next().await.unwrap().unwrap();
        assert_eq!(text(&row, "sk"), Some(sk));
    }
    assert_eq!(starts(&served.await.unwrap()), [None]);
    // Now the next page is asked for, and nobody answers.
    assert!(rows.try_next().await.is_err());
}
