//! Schemas of the texts that the domain parses: ids, types, times, and words of a fixed list.

use std::borrow::Cow;
use std::marker::PhantomData;

use domain::api_key::Scope;
use domain::author::Author;
use domain::contract::{AtEnd, CheckKind, Encoding, SecretFormat};
use domain::dead_letter::Reason;
use domain::delivery::{DisableReason, Status, Trigger};
use domain::explain::{ExplainReason, ExplainResult};
use domain::guard::MAX_HEADERS;
use domain::outcome::FailureKind;
use domain::ports::RedriveJobStatus;
use domain::stats::BucketLength;
use domain::webhook::{ChangedMember, WebhookState as State};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// What ends a delivery, or keeps a response away.
const DELIVERY_ERRORS: [&str; 16] = [
    "refused",
    "exhausted",
    "gone",
    "address_blocked",
    "invalid_url",
    "webhook_inactive",
    "undeliverable",
    "event_erased",
    "dns",
    "connect",
    "tls",
    "reset",
    "timeout",
    "protocol",
    "unsigned",
    "credentials",
];

/// The queues of a stack.
pub const QUEUES: [&str; 6] = [
    "events",
    "deliveries",
    "slow",
    "jobs",
    "events_dead_letter",
    "deliveries_dead_letter",
];

/// A schema type for each name: `value_type` of the wire types' fields and of parameters.
macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident = $make:expr;)+) => {$(
        $(#[doc = $doc])+
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object: ObjectBuilder = $make;
                let doc = [$($doc.trim()),+].join(" ");
                object.description(Some(doc)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

texts! {
    /// A tenant's id, chosen by the operator: 1 to 64 letters, digits, underscores or hyphens.
    TenantId = opaque("acme");
    /// An event's id: the caller's own, or one that begins with `evt_`. Opaque.
    EventId = opaque("evt_01J9ZQ5X3N8V7K2M4R6T8W0Y1B");
    /// A webhook's id. Opaque: its prefix is a help for people.
    WebhookId = opaque("wh_0a1b2c3d4e5f6g7h8j9k");
    /// An API key's public part. Opaque.
    KeyId = opaque("0a1b2c3d4e5f");
    /// A session's id. Opaque: its prefix is a help for people.
    SessionId = opaque("ses_01J9ZQ5X3N8V7K2M4R6T8W0Y1B");
    /// A delivery's id. Opaque: its prefix is a help for people.
    DeliveryId = opaque("dlv_01J9ZQ5X3N8V7K2M4R6T8W0Y1B0a1b2c3d4e5f6g7h8j9k");
    /// A dead letter's id. Opaque: its prefix is a help for people.
    DeadLetterId = opaque("dl_01J9ZQ5X3N8V7K2M4R6T8W0Y1B");
    /// A redrive's id. Opaque: its prefix is a help for people.
    RedriveId = opaque("rd_01J9ZQ5X3N8V7K2M4R6T8W0Y1B");
    /// What kind of fact an event is.
    EventType = pattern("^[A-Za-z0-9_.-]{1,256}$", "item.created");
    /// Which events a webhook gets: a type, a component and everything below it (`item.*`), or
    /// everything (`*`).
    EventFilter = pattern(r"^(\*|[A-Za-z0-9_.-]{1,256}(\.\*)?)$", "item.*");
    /// A contract's name.
    ContractName = pattern("^[a-z0-9-]{1,64}$", "standard");
    /// A time in RFC 3339; UTC in responses.
    Timestamp = plain()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-01-31T12:00:00.000Z"]);
    /// What a caller holds: the operator's key, a tenant's key, or a session. Extensible enum: go
    /// by the scopes of one that you do not know.
    CallerKind = open(["operator", "key", "session"]);
    /// What a key may do. Extensible enum: a scope that you do not know allows something new; keep
    /// it as it is.
    KeyScope = open(Scope::ALL.map(Scope::as_str));
    /// The status of a delivery. Extensible enum: treat a status that you do not know as in
    /// progress.
    DeliveryStatus = open(Status::ALL.map(Status::as_str));
    /// Who asked for an attempt: the schedule, somebody by the API, or somebody who tests the
    /// webhook. Extensible enum: show one that you do not know.
    AttemptTrigger = open(Trigger::ALL.map(Trigger::as_str));
    /// A status code of a response (`503`), or a class of them (`5xx`).
    ResponseCodes = pattern("^([1-9][0-9]{2}|[1-9]xx)$", "5xx");
    /// Whether an event's webhooks have been looked for: `pending` until its first attempts are
    /// recorded. Extensible enum: treat a state that you do not know as pending.
    EventState = open(["pending", "processed"]);
    /// Why no answer came. Extensible enum: show a code that you do not know, as any failure.
    AttemptErrorCode = open(FailureKind::ALL.map(FailureKind::code));
    /// Why a delivery failed: a reason of dead letters, or why no response came. Extensible enum:
    /// show a code that you do not know, as any failure.
    DeliveryErrorCode = open(DELIVERY_ERRORS);
    /// What becomes of an event for a webhook: `delivered`; `pending` before any attempt is
    /// recorded; `due` after failed attempts, with more to come; `failed` when it was given up;
    /// `not_wanted` if the webhook does not get it. Extensible enum: show one that you do not know.
    ExplanationResult = open(ExplainResult::ALL.map(ExplainResult::as_str));
    /// Why. Of a result `failed` it is the reason of the dead letter. Extensible enum: show a
    /// reason that you do not know.
    ExplanationReason = open(ExplainReason::ALL.map(ExplainReason::as_str));
    /// Why something became a dead letter. Extensible enum: show a reason that you do not know.
    DeadLetterReason = open(Reason::ALL.map(Reason::as_str));
    /// What a dead letter holds: a delivery, or a message that could not become an event.
    /// Extensible enum: show one that you do not know, without its details.
    DeadLetterKind = open(["delivery", "message"]);
    /// Why Postel disabled a webhook: the receiver responded with a status that the contract lists
    /// as gone, or the last attempt failed. Extensible enum: show a reason that you do not know.
    WebhookDisabledReason = open(DisableReason::ALL.map(DisableReason::as_str));
    /// Who made a change: a tenant's key, a tenant's session such as one of the portal, the
    /// operator, or Postel itself. Extensible enum: show a kind that you do not know.
    AuthorKind = open(Author::KINDS);
    /// A member of a webhook that was changed. Extensible enum: show one that you do not know.
    WebhookMember = open(ChangedMember::ALL.map(ChangedMember::as_str));
    /// What was checked of a signature: `header`, the request has it; `timestamp`, the signed time
    /// is near the receiver's, only where a contract signs a time; `signature`, it was made with a
    /// secret of the webhook. Extensible enum: show one that you do not know.
    InboxCheckName = open(CheckKind::ALL.map(CheckKind::as_str));
    /// The length of a part of the time, as a duration of ISO 8601.
    StatsBucketLength = open(BucketLength::ALL.map(BucketLength::as_str));
    /// What became of a webhook, the first that applies: Postel disabled it, its owner switched it
    /// off, its receiver fails, its receiver is slow, or it gets events. Extensible enum: show a
    /// state that you do not know.
    WebhookState = open(State::ALL.map(State::as_str));
    /// What a job does: `redrive` sends dead letters again. Extensible enum: show a kind that you
    /// do not know.
    RedriveKind = open(["redrive"]);
    /// The status of a redrive. Extensible enum: treat a status that you do not know as running.
    RedriveStatus = open(RedriveJobStatus::ALL.map(written));
    /// A queue of the stack: of published events; of deliveries whose attempt is due, and those to
    /// slow webhooks; of redrives; and of messages that could not be processed, which become dead
    /// letters. Extensible enum: show a name that you do not know.
    QueueName = open(QUEUES);
    /// How the 32 bytes of a signature are written. Extensible enum: you cannot verify one that you
    /// do not know.
    SignatureEncoding = open(Encoding::ALL.map(written));
    /// How the key is made of the secret: its bytes as they are, or `whsec_` and base64. Extensible
    /// enum: you cannot verify with one that you do not know.
    SignatureSecretForm = open(SecretFormat::ALL.map(written));
    /// What happens to the webhook when the last attempt has failed: nothing, or it is disabled.
    /// Extensible enum: show one that you do not know.
    ContractAtEnd = open(AtEnd::ALL.map(written));
}

/// What an answer shows of what a request has given, as `XCreate` or `XUpsert`: the same members
/// under the name `X`, and open, since answers may get more.
pub struct AnswerOf<T>(PhantomData<T>);

impl<T: PartialSchema> PartialSchema for AnswerOf<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.additional_properties = None;
        }
        schema
    }
}

impl<T: ToSchema> ToSchema for AnswerOf<T> {
    fn name() -> Cow<'static, str> {
        let name = T::name();
        let suffixes = ["Create", "Upsert"];
        let shown = suffixes.iter().find_map(|end| name.strip_suffix(end));
        Cow::Owned(shown.unwrap_or(&name).to_owned())
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// An object whose keys and values are both plain texts: a header's name and what is sent in it.
#[must_use]
pub fn headers() -> Object {
    headers_of(value().build().into(), Some(MAX_HEADERS))
}

/// The same where null takes a header away.
#[must_use]
pub fn headers_or_null() -> Object {
    let null = [Type::String, Type::Null].into_iter().collect::<Vec<_>>();
    headers_of(
        value()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter(null))
            .build()
            .into(),
        None,
    )
}

/// Headers whose values may hold placeholders.
#[must_use]
pub fn template_headers() -> Object {
    let part = r"([!-z|}~]|\{(id|timestamp|timestampIso)\})";
    let value = plain().pattern(Some(format!("^({part}(({part}|[\\t ])*{part})?)?$")));
    headers_of(value.build().into(), Some(MAX_HEADERS))
}

fn headers_of(value: Schema, max: Option<usize>) -> Object {
    // A token, RFC 9110 5.6.2.
    let name = plain()
        .pattern(Some("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))
        .build();
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(name))
        .additional_properties(Some(value))
        .max_properties(max)
        .build()
}

/// Printable ASCII without spaces at its ends, which HTTP would drop.
fn value() -> ObjectBuilder {
    plain().pattern(Some("^([!-~]([\\t -~]*[!-~])?)?$"))
}

fn plain() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn pattern(pattern: &str, example: &str) -> ObjectBuilder {
    plain().pattern(Some(pattern)).examples([example])
}

/// An id that nobody but Postel should read: later ones may look different.
fn opaque(example: &str) -> ObjectBuilder {
    plain().max_length(Some(128)).examples([example])
}

/// A word of a list that may get longer. A closed enum would break generated clients with each new
/// word, so the list stands in the examples and in the extension of the Zalando guidelines.
pub(crate) fn open(words: impl IntoIterator<Item = impl Into<Value>>) -> ObjectBuilder {
    let words: Vec<Value> = words.into_iter().map(Into::into).collect();
    let list = Extensions::builder().add("x-extensible-enum", words.clone());
    plain().examples(words).extensions(Some(list.build()))
}

/// A word as JSON has it.
fn written(word: impl Serialize) -> Value {
    serde_json::to_value(word).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::ids;

    use super::*;

    fn example<T: PartialSchema>() -> String {
        let schema = serde_json::to_value(T::schema()).unwrap();
        schema["examples"][0].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_delivery_fails_for_every_reason_that_is_not_a_messages() {
        const OF_MESSAGES: [Reason; 6] = [
            Reason::MalformedJson,
            Reason::InvalidEvent,
            Reason::PayloadTooLarge,
            Reason::UnknownTenant,
            Reason::SenderNotAllowed,
            Reason::IdConflict,
        ];
        let reasons = Reason::ALL.into_iter();
        let reasons = reasons.filter(|reason| !OF_MESSAGES.contains(reason));
        let kinds = FailureKind::ALL.map(FailureKind::code).into_iter();
        let all: BTreeSet<_> = reasons.map(Reason::as_str).chain(kinds).collect();
        assert_eq!(all, BTreeSet::from(DELIVERY_ERRORS));
    }

    #[test]
    fn the_domain_reads_every_example() {
        assert!(example::<TenantId>().parse::<ids::TenantId>().is_ok());
        assert!(example::<EventId>().parse::<ids::EventId>().is_ok());
        assert!(example::<WebhookId>().parse::<ids::WebhookId>().is_ok());
        assert!(example::<KeyId>().parse::<ids::KeyId>().is_ok());
        assert!(example::<DeliveryId>().parse::<ids::DeliveryId>().is_ok());
        assert!(
            example::<DeadLetterId>()
                .parse::<ids::DeadLetterId>()
                .is_ok()
        );
        assert!(example::<RedriveId>().parse::<ids::RedriveId>().is_ok());
        assert!(
            example::<EventType>()
                .parse::<domain::event_type::EventType>()
                .is_ok()
        );
        assert!(domain::event_type::EventFilter::try_from(example::<EventFilter>()).is_ok());
        assert!(domain::contract::Contract::is_name(
            &example::<ContractName>()
        ));
        assert!(domain::time::Time::parse_rfc3339(&example::<Timestamp>()).is_some());
    }
}
