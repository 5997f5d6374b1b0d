//! What a receiver gets under each built-in contract: the document's `webhooks`. The contract and
//! the code that sends make it, so that it cannot differ from what is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::contract::{Contract, Secret, SignatureScheme, SigningInput, builtin, builtin_names};
use domain::delivery::{Attempt, Delivery, Trigger};
use domain::event;
use domain::ids::WebhookId;
use domain::outcome::Outcome;
use domain::sent_request::SentRequest;
use domain::time::Time;
use domain::ulid::Ulid;
use serde_json::{Map, Value, json};

/// An event of a vendor, and a secret in the form of its contract.
struct Sample {
    contract: &'static str,
    event: &'static str,
    secret: &'static str,
}

const SAMPLES: [Sample; 5] = [
    Sample {
        contract: "standard",
        event: r#"{"type":"item.created","data":{"id":"item_1"}}"#,
        secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    },
    Sample {
        contract: "kuviq",
        event: r#"{"type":"inspection.completed","data":{"id":"insp_1","score":95}}"#,
        secret: "a secret of the receiver",
    },
    Sample {
        contract: "kazinex",
        event: r#"{"type":"workflow.completed","data":{"workflow_id":"wf_1"},"context":{"organisation_id":"org_abc123","project_id":"proj_xyz789"}}"#,
        secret: "wh_prod_a8f3x_example_secret",
    },
    Sample {
        contract: "kliq",
        event: r#"{"type":"cv.job.completed","data":{"jobId":"job_xyz789","status":"completed"}}"#,
        secret: "whsec_your_signing_secret",
    },
    Sample {
        contract: "inspectorio",
        event: r#"{"type":"report.created","data":{"id":"report_1"}}"#,
        secret: "",
    },
];

/// When the samples are sent.
const AT: Time = Time::from_millis(1_769_860_800_000);
const USER_AGENT: &str = concat!("Postel/", env!("CARGO_PKG_VERSION"));

/// The webhooks, and the schemas of their bodies.
pub(super) fn webhooks() -> (Value, Map<String, Value>) {
    let (mut webhooks, mut schemas) = (Map::new(), Map::new());
    for name in builtin_names() {
        let contract = builtin(name).unwrap();
        let sample = SAMPLES.iter().find(|sample| sample.contract == name);
        let sample = sample.unwrap_or_else(|| panic!("{name} has no sample"));
        let title = name[..1].to_uppercase() + &name[1..];
        let schema = format!("{title}Delivery");
        schemas.insert(schema.clone(), body_schema(&contract));
        let webhook = webhook(&contract, sample, &title, &schema);
        webhooks.insert(name.to_owned(), json!({"post": webhook}));
    }
    (webhooks.into(), schemas)
}

fn webhook(contract: &Contract, sample: &Sample, title: &str, schema: &str) -> Value {
    let sent = sent(contract, sample);
    let body: Value = serde_json::from_str(sent.body.as_deref().unwrap()).unwrap();
    // Whoever reads the example can make the signed bytes of it.
    assert_eq!(Some(body.to_string()), sent.body, "{}", contract.name);
    let headers = sent.headers.iter();
    let headers = headers.filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    let parameters: Vec<_> = headers
        .map(|(name, value)| header(contract, name, value))
        .collect();
    let event_type = event::parse(sample.event.as_bytes()).unwrap().event_type;
    let signed = match &contract.signature {
        Some(scheme) => format!("{} {}", how_signed(scheme), example_note(sample)),
        None => "This contract signs nothing.".to_owned(),
    };
    json!({
        "operationId": format!("on{title}Delivery"),
        "summary": format!("A delivery of the contract {}", contract.name),
        "description": format!("{} {signed} Receivers may get a delivery more than once: compare `webhook-id`.", contract.description),
        "security": [{}],
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": {"$ref": format!("#/components/schemas/{schema}")},
                "examples": {(event_type.to_string()): {"value": body}},
            }},
        },
        "responses": responses(contract),
    })
}

fn example_note(sample: &Sample) -> String {
    format!(
        "The example is signed with the secret `{}`; its bytes are the JSON without spaces and line breaks.",
        sample.secret
    )
}

fn how_signed(scheme: &SignatureScheme) -> String {
    let scheme = serde_json::to_value(scheme).unwrap();
    let text = |name: &str| scheme[name].as_str().unwrap_or_default().to_owned();
    let key = match text("secret").as_str() {
        "whsec" => "the bytes that the secret has in base64 after `whsec_`",
        _ => "the secret's text, as it is",
    };
    let several = match scheme["several"].as_bool() {
        Some(true) => " Several signatures are separated by a space: one of them has to match.",
        _ => "",
    };
    format!(
        "`{}` is `{}` and the HMAC-SHA256 of `{}` in {}; the key is {key}.{several}",
        text("header"),
        text("prefix"),
        text("signedText"),
        text("encoding"),
    )
    .replace("is `` and the", "is the")
}

/// The request that the code makes of the sample.
fn sent(contract: &Contract, sample: &Sample) -> SentRequest {
    let key = Ulid::derived(AT, sample.contract);
    let event = event::parse(sample.event.as_bytes()).unwrap();
    let event = event.accept("acme".parse().unwrap(), key);
    let delivery = Delivery::new(&event, &WebhookId::new([1; 16]));
    let attempt = |signature| Attempt {
        number: 1,
        trigger: Trigger::Automatic,
        at: AT,
        duration: Duration::ZERO,
        webhook_version: 1,
        url: "https://receiver.example.com/hook".to_owned(),
        contract: contract.name.clone(),
        signature,
        own_headers: Vec::new(),
        type_name: contract.type_names.get(event.event_type.as_str()).cloned(),
        context: BTreeMap::new(),
        outcome: Outcome::Response {
            status: 200,
            headers: Vec::new(),
            body: String::new(),
            truncated: false,
        },
    };
    let request =
        |signature| SentRequest::of(contract, &event, &delivery, &attempt(signature), USER_AGENT);
    let unsigned = request(None);
    let Some(scheme) = &contract.signature else {
        return unsigned;
    };
    let signed = SigningInput {
        id: event.id.as_str(),
        at: AT,
        body: unsigned.body.as_deref().unwrap().as_bytes(),
    };
    let secret = Secret::new(sample.secret.to_owned());
    request(Some(scheme.value(&[secret], &signed).unwrap()))
}

fn header(contract: &Contract, name: &str, value: &str) -> Value {
    let is_signature = contract
        .signature
        .as_ref()
        .is_some_and(|scheme| scheme.header.eq_ignore_ascii_case(name));
    let description = match name {
        "webhook-id" => "The event's id, the same in every attempt.",
        "webhook-timestamp" => "The time of this attempt, in seconds since 1970.",
        "user-agent" => "Postel and its version.",
        "postel-hop" => "Marks a delivery of Postel: the API refuses a request with it.",
        _ if is_signature => "The signature.",
        _ => "A header of the contract.",
    };
    json!({
        "name": name,
        "in": "header",
        "required": true,
        "description": description,
        "schema": {"type": "string"},
        "example": value,
    })
}

/// The schema of the contract's envelope.
fn body_schema(contract: &Contract) -> Value {
    let envelope: Value = serde_json::to_value(&contract.envelope).unwrap();
    let mut properties = Map::new();
    for (name, template) in envelope.as_object().unwrap() {
        let schema = match template.as_str().unwrap_or_default() {
            "{data}" => json!({"description": "What the event says, byte for byte."}),
            "{timestamp}" => {
                json!({"type": "string", "format": "date-time", "description": "When it happened."})
            }
            "{type}" => json!({"$ref": "#/components/schemas/EventType"}),
            "{id}" => json!({"$ref": "#/components/schemas/EventId"}),
            "{tenantId}" => json!({"$ref": "#/components/schemas/TenantId"}),
            "{typeName}" => {
                json!({"type": "string", "description": "The type's name in the catalogue."})
            }
            text if text.starts_with("{context.") => json!({
                "type": ["string", "number", "boolean", "null"],
                "description": "From the context of the event, its webhook or its tenant.",
            }),
            _ => json!({"type": "string"}),
        };
        properties.insert(name.clone(), schema);
    }
    json!({
        "type": "object",
        "description": format!("The body of a delivery of the contract {}.", contract.name),
        "required": properties.keys().collect::<Vec<_>>(),
        "properties": properties,
    })
}

/// What the receiver's response means.
fn responses(contract: &Contract) -> Value {
    let mut responses = Map::new();
    let mut tell = |statuses: &Value, text: &str| {
        for status in statuses.as_array().into_iter().flatten() {
            let status = status.as_str().unwrap().replace("xx", "XX");
            responses
                .entry(status)
                .or_insert_with(|| json!({"description": text}));
        }
    };
    let rules = serde_json::to_value(contract).unwrap();
    tell(&rules["success"], "Delivered.");
    tell(
        &rules["gone"],
        "Never tried again; the webhook is disabled.",
    );
    tell(&rules["refused"], "Never tried again.");
    let waits = rules["retryAfter"].as_array().into_iter().flatten();
    let waits = waits.filter(|status| {
        let status = status.as_str().and_then(|status| status.parse().ok());
        !status.is_some_and(|status| contract.refused.contains(status))
    });
    let waits: Value = waits.cloned().collect();
    tell(
        &waits,
        "Tried again, not before the time that `Retry-After` names.",
    );
    let delays: Vec<_> = contract
        .retry_delays_seconds
        .iter()
        .map(u32::to_string)
        .collect();
    let rest = format!(
        "Any other status, and no response within {} seconds: tried again after {} seconds, then given up.",
        contract.timeout_seconds,
        delays.join(", ")
    );
    responses.insert("default".to_owned(), json!({"description": rest}));
    responses.into()
}
