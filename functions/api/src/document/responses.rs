//! Answers that many operations share, each described once and referred to by name.
//!
//! The gateway answers some statuses itself, before any function is called, with a problem that has
//! nothing but a `message`.

use std::collections::BTreeMap;

use domain::rejection::Code;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::problem::{FAULT_CODES, ProblemBody};

/// A shared answer.
struct Shared {
    name: &'static str,
    codes: &'static [&'static str],
    status: u16,
    description: &'static str,
    /// Whether the gateway may give it in its own form.
    is_gateways: bool,
    /// Whether it says when to come again.
    says_when: bool,
}

const fn code(code: Code) -> &'static str {
    code.as_str()
}

const KEY: Shared = Shared {
    name: "InvalidKey",
    codes: &[code(Code::InvalidKey)],
    status: 401,
    description: "The key or session is missing or invalid. Without an `Authorization` header the gateway responds, with a `message` alone.",
    is_gateways: true,
    says_when: false,
};
const SCOPE: Shared = Shared {
    name: "Forbidden",
    codes: &[code(Code::Forbidden), code(Code::LoopDetected)],
    status: 403,
    description: "The key or session does not have the scope, the operation is for the operator only, or the request is itself a delivery of Postel.",
    is_gateways: false,
    says_when: false,
};
const MISSING: Shared = Shared {
    name: "NotFound",
    codes: &[code(Code::NotFound)],
    status: 404,
    description: "Not found, or it belongs to another tenant: the response is the same. If no route matches the path, the gateway responds, with a `message` alone.",
    is_gateways: true,
    says_when: false,
};
const BODY: Shared = Shared {
    name: "InvalidBody",
    codes: &[
        code(Code::EmptyBody),
        code(Code::InvalidJson),
        code(Code::InvalidRequest),
        code(Code::UnknownField),
        code(Code::MissingField),
        code(Code::InvalidUtf8),
        code(Code::UnknownParameter),
    ],
    status: 400,
    description: "The body is empty, not JSON, not UTF-8, or does not match the schema, or the query has an unknown parameter.",
    is_gateways: false,
    says_when: false,
};
const SIZE: Shared = Shared {
    name: "TooLarge",
    codes: &[code(Code::PayloadTooLarge)],
    status: 413,
    description: "The body is too large. The gateway itself refuses bodies above its own limit.",
    is_gateways: true,
    says_when: false,
};
const ENCODING: Shared = Shared {
    name: "UnsupportedEncoding",
    codes: &[code(Code::UnsupportedEncoding)],
    status: 415,
    description: "The body has a `Content-Encoding`. Any `Content-Type` is taken.",
    is_gateways: false,
    says_when: false,
};
const CURSOR: Shared = Shared {
    name: "InvalidCursor",
    codes: &[
        code(Code::InvalidCursor),
        code(Code::InvalidRequest),
        code(Code::UnknownParameter),
        code(Code::InvalidFilter),
        code(Code::InvalidLimit),
    ],
    status: 400,
    description: "The cursor does not belong to this list with these filters, or a query parameter is unknown or invalid.",
    is_gateways: false,
    says_when: false,
};
/// Of every operation that has no other answer of this status.
const PARAMETER: Shared = Shared {
    name: "UnknownParameter",
    codes: &[code(Code::UnknownParameter)],
    status: 400,
    description: "The query has an unknown parameter.",
    is_gateways: false,
    says_when: false,
};
const FILTER: Shared = Shared {
    name: "InvalidFilter",
    codes: &[
        code(Code::UnknownParameter),
        code(Code::InvalidFilter),
        code(Code::InvalidLimit),
    ],
    status: 400,
    description: "A parameter is unknown, has an invalid value, or is given twice.",
    is_gateways: false,
    says_when: false,
};
const RACE: Shared = Shared {
    name: "ConcurrentChange",
    codes: &[code(Code::ConcurrentChange)],
    status: 409,
    description: "Other requests changed the same resource at the same time, several times. Nothing was changed: read it again and repeat the request.",
    is_gateways: false,
    says_when: false,
};
const PRECONDITION: Shared = Shared {
    name: "PreconditionFailed",
    codes: &[code(Code::PreconditionFailed)],
    status: 412,
    description: "The resource is not the version that `If-Match` or `If-None-Match` expects. Nothing was changed.",
    is_gateways: false,
    says_when: false,
};
const TOO_MANY: Shared = Shared {
    name: "TooManyRequests",
    codes: &[code(Code::TooManyRequests)],
    status: 429,
    description: "The tenant's requests for this minute or the gateway's for this second are used up.",
    is_gateways: true,
    says_when: true,
};
const BUG: Shared = Shared {
    name: "Internal",
    codes: &[FAULT_CODES[0]],
    status: 500,
    description: "A bug in Postel, or stored data that it cannot read. Repeating the request does not help.",
    is_gateways: true,
    says_when: false,
};
const LATER: Shared = Shared {
    name: "Unavailable",
    codes: &[FAULT_CODES[1]],
    status: 503,
    description: "Temporarily unavailable. Repeat the request; publish an event with the same `id` again to avoid duplicates.",
    is_gateways: true,
    says_when: true,
};

const ALL: [&Shared; 14] = [
    &KEY,
    &SCOPE,
    &MISSING,
    &BODY,
    &SIZE,
    &ENCODING,
    &CURSOR,
    &PARAMETER,
    &FILTER,
    &RACE,
    &PRECONDITION,
    &TOO_MANY,
    &BUG,
    &LATER,
];

impl Shared {
    fn response(&self) -> Response {
        let codes: Vec<_> = self.codes.iter().map(|code| format!("`{code}`")).collect();
        let json = |name: &str| {
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(name)))
                .build()
        };
        let mut response = ResponseBuilder::new()
            .description(format!("{} ({})", self.description, codes.join(", ")))
            .content("application/problem+json", json(&ProblemBody::name()));
        if self.is_gateways {
            // One schema for both, so that a client can ask any error for its code.
            response = response.content("application/json", json(&ProblemBody::name()));
        }
        if self.says_when {
            let seconds = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1));
            let header = HeaderBuilder::new()
                .schema(Some(seconds))
                .description(Some("Seconds to wait before the next request."))
                .build();
            response = response.header("Retry-After", header);
        }
        response.build()
    }
}

/// The answer to an unknown parameter, for operations without another answer of its status.
#[must_use]
pub fn unknown_parameter() -> (String, RefOr<Response>) {
    let reference = Ref::from_response_name(PARAMETER.name);
    (PARAMETER.status.to_string(), reference.into())
}

/// All shared answers by their names, for the document's components.
pub fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    ALL.into_iter()
        .map(|shared| (shared.name.to_owned(), RefOr::T(shared.response())))
}

macro_rules! groups {
    ($($(#[$doc:meta])+ $name:ident = [$($shared:ident),+];)+) => {$(
        $(#[$doc])+
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(&$shared),+]
                    .into_iter()
                    .map(|shared: &Shared| {
                        (shared.status.to_string(), Ref::from_response_name(shared.name).into())
                    })
                    .collect()
            }
        }
    )+};
}

groups! {
    /// Of every operation without a key.
    OpenResponses = [TOO_MANY, BUG, LATER];
    /// Of every operation that any valid key may call.
    AnyKeyResponses = [KEY, TOO_MANY, BUG, LATER];
    /// Of every operation for the operator alone.
    OperatorResponses = [KEY, SCOPE, TOO_MANY, BUG, LATER];
    /// Of every operation below a tenant's path.
    TenantResponses = [KEY, SCOPE, MISSING, TOO_MANY, BUG, LATER];
    /// Of an operation that names one thing by its id.
    NotFoundResponses = [MISSING];
    /// Of an operation with a body.
    BodyResponses = [BODY, SIZE, ENCODING];
    /// Of an operation that changes what others may be changing.
    ConflictResponses = [RACE];
    /// Of a change that a caller may make depend on the version that it has seen.
    ConditionalResponses = [PRECONDITION];
    /// Of a list.
    ListResponses = [CURSOR];
    /// Of an answer with filters that comes as a whole.
    FilterResponses = [FILTER];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::status;

    #[test]
    fn every_shared_answer_has_the_status_of_its_codes() {
        for shared in ALL {
            for code in shared.codes {
                match Code::ALL.into_iter().find(|known| known.as_str() == *code) {
                    Some(known) => assert_eq!(status(known).as_u16(), shared.status, "{code}"),
                    None => assert!(FAULT_CODES.contains(code), "{code}"),
                }
            }
        }
    }
}
