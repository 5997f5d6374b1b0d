//! Schemas of the texts that the domain parses: ids, types, times, and words of a fixed list.

use std::borrow::Cow;

use domain::api_key::Scope;
use domain::dead_letter::Reason;
use domain::delivery::Status;
use domain::guard::MAX_HEADERS;
use domain::outcome::FailureKind;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

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
    /// A tenant's id, chosen by the operator.
    TenantId = pattern("^[A-Za-z0-9_-]{1,64}$", "acme");
    /// An event's id: the caller's own, or `evt_` and a ULID.
    EventId = pattern("^[A-Za-z0-9_-]{1,64}$", "evt_01J9ZQ5X3N8V7K2M4R6T8W0Y1B");
    /// A webhook's id.
    WebhookId = pattern("^wh_[A-Za-z0-9_-]{20}$", "wh_0a1b2c3d4e5f6g7h8j9k");
    /// An API key's public part.
    KeyId = pattern("^[A-Za-z0-9_-]{12}$", "0a1b2c3d4e5f");
    /// A delivery's id, made of its event's and its webhook's.
    DeliveryId = pattern(
        "^dlv_[0-7][0-9A-HJKMNP-TV-Z]{25}[A-Za-z0-9_-]{20}$",
        "dlv_01J9ZQ5X3N8V7K2M4R6T8W0Y1B0a1b2c3d4e5f6g7h8j9k",
    );
    /// A dead letter's id.
    DeadLetterId = pattern("^dl_[0-7][0-9A-HJKMNP-TV-Z]{25}$", "dl_01J9ZQ5X3N8V7K2M4R6T8W0Y1B");
    /// A job's id.
    JobId = pattern("^[0-7][0-9A-HJKMNP-TV-Z]{25}$", "01J9ZQ5X3N8V7K2M4R6T8W0Y1B");
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
    /// What a key may do.
    KeyScope = words(Scope::ALL.map(Scope::as_str));
    /// The status of a delivery.
    DeliveryStatus = words(Status::ALL.map(Status::as_str));
    /// Why no answer came.
    AttemptError = words(FailureKind::ALL.map(FailureKind::code));
    /// Why something became a dead letter.
    DeadLetterReason = words(Reason::ALL.map(Reason::as_str));
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

fn words<const N: usize>(words: [&str; N]) -> ObjectBuilder {
    plain().enum_values(Some(words))
}

#[cfg(test)]
mod tests {
    use domain::ids;
    use domain::ulid::Ulid;

    use super::*;

    fn example<T: PartialSchema>() -> String {
        let schema = serde_json::to_value(T::schema()).unwrap();
        schema["examples"][0].as_str().unwrap().to_owned()
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
        assert!(example::<JobId>().parse::<Ulid>().is_ok());
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
