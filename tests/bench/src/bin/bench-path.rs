//! The pure part of a delivery, step by step and repeated as requested, for
//! tests/bench/instructions.sh to count its instructions.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program of the tests"
)]

use std::collections::BTreeMap;
use std::hint::black_box;

use domain::contract::{Overrides, Secret, SigningInput, builtin};
use domain::event::{Event, NewEvent, parse_with_tenant};
use domain::event_type::EventFilter;
use domain::flow::{request_body, request_headers};
use domain::ids::WebhookId;
use domain::tenant::Webhook;
use domain::time::Time;
use domain::ulid::Ulid;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let step = arguments.next().unwrap();
    let times: usize = arguments.next().unwrap().parse().unwrap();
    let bytes: usize = arguments.next().unwrap().parse().unwrap();

    let frame = r#"{"tenantId":"acme","type":"item.created","data":""}"#;
    let text = frame.replace(
        r#""""#,
        &format!(r#""{}""#, "x".repeat(bytes.saturating_sub(frame.len()))),
    );
    let at = Time::from_millis(1_767_225_600_000);
    let decode = || -> (NewEvent, Option<String>) { parse_with_tenant(text.as_bytes()).unwrap() };
    let event: Event = decode()
        .0
        .accept("acme".parse().unwrap(), Ulid::derived(at, "message"));
    let webhook = Webhook {
        id: WebhookId::new([7; 16]),
        tenant: event.tenant.clone(),
        name: None,
        url: "https://example.com/hooks/postel".to_owned(),
        events: vec![
            EventFilter::try_from("inspection.*".to_owned()).unwrap(),
            EventFilter::try_from("item.created".to_owned()).unwrap(),
        ],
        filter: None,
        active: true,
        contract: "standard".to_owned(),
        overrides: Overrides::default(),
        context: std::collections::BTreeMap::new(),
        secrets: domain::signing_secrets::SigningSecrets::default(),
        basic_auth: None,
        headers: BTreeMap::new(),
        created_at: at,
        updated_at: at,
        version: 1,
        disabled: None,
        switched: Vec::new(),
        slow_since: None,
        failing_since: None,
        since: None,
        written: None,
    };
    let contract = builtin("standard").unwrap();
    let secrets = [Secret::new(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
    )];
    let nothing = std::collections::BTreeMap::new();
    let content = event.payload.content().unwrap();
    let body = request_body(&contract, &event, content, &webhook.id, None, &nothing);
    let moment = SigningInput {
        id: event.id.as_str(),
        at,
        body: &body,
    };
    let rule = contract.signature.as_ref().unwrap();
    let signature = rule.value(&secrets, &moment);

    for _ in 0..times {
        match step.as_str() {
            "decode" => drop(black_box(decode())),
            "match" => drop(black_box(webhook.wants(&event.event_type))),
            "encode" => drop(black_box(request_body(
                &contract,
                &event,
                content,
                &webhook.id,
                None,
                &nothing,
            ))),
            "sign" => drop(black_box(rule.value(&secrets, &moment))),
            "headers" => drop(black_box(request_headers(
                &contract,
                &moment,
                signature.as_deref(),
                "Postel/0.1.0",
            ))),
            other => panic!("no step {other}"),
        }
    }
    println!("{step} {times}");
}
