//! The operations of the API that the command line calls: what of each it may send.
//!
//! A [`Call`](super::Call) refuses what is not in this table, and a test compares the table with
//! `functions/api/openapi.json`. So no request can name what the API does not have.

/// One operation of the API.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its `operationId`.
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    /// With the parameters' names in braces.
    pub(crate) path: &'static str,
    pub(crate) query: &'static [&'static str],
    /// The members of the body that the command line sends.
    pub(crate) body: &'static [&'static str],
    /// Whether it takes the header `Idempotency-Key`.
    pub(crate) idempotency_key: bool,
}

macro_rules! operations {
    ($($name:ident = $id:literal $method:ident $path:literal $(? [$($query:literal)*])? $({ $($body:literal)* })? $(+ $key:ident)?;)*) => {
        $(pub(crate) static $name: Operation = Operation {
            id: $id,
            method: stringify!($method),
            path: $path,
            query: &[$($($query),*)?],
            body: &[$($($body),*)?],
            idempotency_key: operations!(@has $($key)?),
        };)*
        /// All of them, for the test.
        #[cfg(test)]
        pub(crate) static ALL: &[&Operation] = &[$(&$name),*];
    };
    (@has) => { false };
    (@has $key:ident) => { true };
}

operations! {
    HEALTH = "health.get" GET "/health";
    ME = "me.get" GET "/v1/me";
    CONTRACT = "contracts.get" GET "/v1/contracts/{contractName}";

    TENANTS = "tenants.list" GET "/v1/tenants" ?["limit" "cursor"];
    TENANT = "tenants.get" GET "/v1/tenants/{tenantId}";
    TENANT_UPSERT = "tenants.upsert" PUT "/v1/tenants/{tenantId}" {"name" "contract" "contactEmail" "publishers" "limits" "context"};
    TENANT_UPDATE = "tenants.update" PATCH "/v1/tenants/{tenantId}" {"name" "contract" "contactEmail" "publishers" "limits" "context"};
    TENANT_DELETE = "tenants.delete" DELETE "/v1/tenants/{tenantId}";

    KEYS = "keys.list" GET "/v1/tenants/{tenantId}/keys" ?["limit" "cursor"];
    KEY = "keys.get" GET "/v1/tenants/{tenantId}/keys/{keyId}";
    KEY_CREATE = "keys.create" POST "/v1/tenants/{tenantId}/keys" {"name" "scopes" "expiresAt"} + idempotency_key;
    KEY_DELETE = "keys.delete" DELETE "/v1/tenants/{tenantId}/keys/{keyId}";

    SESSION_CREATE = "sessions.create" POST "/v1/tenants/{tenantId}/sessions" {"scopes" "expiresInSeconds"};

    WEBHOOKS = "webhooks.list" GET "/v1/tenants/{tenantId}/webhooks" ?["limit" "cursor" "state" "contract"];
    WEBHOOK = "webhooks.get" GET "/v1/tenants/{tenantId}/webhooks/{webhookId}";
    WEBHOOK_CREATE = "webhooks.create" POST "/v1/tenants/{tenantId}/webhooks" ?["dryRun"] {"id" "name" "url" "events" "filter" "active" "contract" "secret" "basicAuth" "headers" "overrides" "context"} + idempotency_key;
    WEBHOOK_UPDATE = "webhooks.update" PATCH "/v1/tenants/{tenantId}/webhooks/{webhookId}" {"name" "url" "events" "filter" "active" "contract" "basicAuth" "headers" "overrides" "context"};
    WEBHOOK_DELETE = "webhooks.delete" DELETE "/v1/tenants/{tenantId}/webhooks/{webhookId}";
    WEBHOOK_TEST = "webhooks.test" POST "/v1/tenants/{tenantId}/webhooks/{webhookId}/test" {"type" "context"};
    WEBHOOK_FILTER_TEST = "webhooks.testFilter" POST "/v1/tenants/{tenantId}/webhooks/{webhookId}/filter/test" {"event" "eventId" "filter"};
    WEBHOOK_ROTATE = "webhooks.rotateSecret" POST "/v1/tenants/{tenantId}/webhooks/{webhookId}/secret/rotate" {"secret" "overlapSeconds"};

    INBOX_REQUESTS = "inboxRequests.list" GET "/v1/tenants/{tenantId}/webhooks/{webhookId}/requests" ?["limit" "cursor"];
    INBOX_RESPONSES = "inboxResponses.set" PUT "/v1/tenants/{tenantId}/webhooks/{webhookId}/responses" {"responses"};

    PUBLISH = "events.publish" POST "/v1/tenants/{tenantId}/events" {"id" "type" "timestamp" "data" "context"};
    PUBLISH_BATCH = "events.publishBatch" POST "/v1/tenants/{tenantId}/events/batch" {"events"};
    EVENTS = "events.list" GET "/v1/tenants/{tenantId}/events" ?["limit" "cursor" "type" "matched" "since" "until"];
    EVENT = "events.get" GET "/v1/tenants/{tenantId}/events/{eventId}";
    EXPLAIN = "events.explain" GET "/v1/tenants/{tenantId}/events/{eventId}/explain" ?["webhookId"];
    EXPLAIN_DRAFT = "events.explainDraft" POST "/v1/tenants/{tenantId}/events/explain" ?["webhookId"] {"id" "type" "timestamp" "data" "context"};

    DELIVERIES = "deliveries.list" GET "/v1/tenants/{tenantId}/deliveries" ?["limit" "cursor" "status" "webhookId" "eventId" "type" "responseCode" "trigger" "since" "until"];
    DELIVERY = "deliveries.get" GET "/v1/tenants/{tenantId}/deliveries/{deliveryId}";
    DELIVERY_RETRY = "deliveries.retry" POST "/v1/tenants/{tenantId}/deliveries/{deliveryId}/retry";

    DEAD_LETTERS = "deadLetters.list" GET "/v1/tenants/{tenantId}/dead-letters" ?["limit" "cursor" "webhookId" "type" "reason" "since" "until"];
    DEAD_LETTER = "deadLetters.get" GET "/v1/tenants/{tenantId}/dead-letters/{deadLetterId}";
    DEAD_LETTER_DELETE = "deadLetters.delete" DELETE "/v1/tenants/{tenantId}/dead-letters/{deadLetterId}";
    DEAD_LETTER_REDRIVE = "deadLetters.redrive" POST "/v1/tenants/{tenantId}/dead-letters/{deadLetterId}/redrive";
    ANY_DEAD_LETTER = "operatorDeadLetters.get" GET "/v1/dead-letters/{deadLetterId}";
    ANY_DEAD_LETTER_DELETE = "operatorDeadLetters.delete" DELETE "/v1/dead-letters/{deadLetterId}";
    ANY_DEAD_LETTER_REDRIVE = "operatorDeadLetters.redrive" POST "/v1/dead-letters/{deadLetterId}/redrive";
    ALL_DEAD_LETTERS = "operatorDeadLetters.list" GET "/v1/dead-letters" ?["limit" "cursor" "tenantId" "webhookId" "type" "reason" "since" "until"];

    REDRIVES = "redrives.list" GET "/v1/tenants/{tenantId}/redrives" ?["limit" "cursor"];
    REDRIVE = "redrives.get" GET "/v1/tenants/{tenantId}/redrives/{redriveId}";
    REDRIVE_CREATE = "redrives.create" POST "/v1/tenants/{tenantId}/redrives" {"webhookId" "type" "reason" "since" "until" "ratePerSecond"} + idempotency_key;
    REDRIVE_ESTIMATE = "redrives.estimate" POST "/v1/tenants/{tenantId}/redrives/estimate" {"webhookId" "type" "reason" "since" "until"};
    REDRIVE_CANCEL = "redrives.cancel" POST "/v1/tenants/{tenantId}/redrives/{redriveId}/cancel";
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../functions/api/openapi.json"
        );
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// A schema, with its `$ref` followed.
    fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => document.pointer(&reference[1..]).unwrap(),
            None => schema,
        }
    }

    fn names(parameters: &Value, place: &str) -> Vec<String> {
        let all = parameters.as_array().into_iter().flatten();
        let there = all.filter(|parameter| parameter["in"] == place);
        there
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_document_has_every_operation_with_all_that_is_sent() {
        let document = document();
        for operation in ALL {
            let name = operation.id;
            let found = &document["paths"][operation.path][operation.method.to_lowercase()];
            assert_eq!(
                found["operationId"], name,
                "{} {}",
                operation.method, operation.path
            );
            let query = names(&found["parameters"], "query");
            for parameter in operation.query {
                assert!(
                    query.iter().any(|known| known == parameter),
                    "{name}: ?{parameter}"
                );
            }
            let takes_key =
                names(&found["parameters"], "header").contains(&"Idempotency-Key".to_owned());
            assert!(
                takes_key || !operation.idempotency_key,
                "{name}: Idempotency-Key"
            );
            let content = found["requestBody"]["content"].as_object();
            let body = content.and_then(|content| content.values().next());
            for member in operation.body {
                let schema = resolved(&document, &body.unwrap()["schema"]);
                assert!(
                    !schema["properties"][member].is_null(),
                    "{name}: body.{member}"
                );
            }
        }
    }

    #[test]
    fn every_parameter_of_a_path_is_one_of_the_documents() {
        let document = document();
        for operation in ALL {
            let found = &document["paths"][operation.path][operation.method.to_lowercase()];
            let braces = operation.path.matches('{').count();
            assert_eq!(
                names(&found["parameters"], "path").len(),
                braces,
                "{}",
                operation.id
            );
        }
    }

    #[test]
    fn the_columns_of_tables_are_members_of_the_entries() {
        let document = document();
        for (operation, columns) in crate::commands::tables() {
            let found = &document["paths"][operation.path]["get"];
            let page = &found["responses"]["200"]["content"]["application/json"]["schema"];
            let items = &resolved(&document, page)["properties"]["items"]["items"];
            let entry = resolved(&document, items);
            for column in columns {
                let member = column.member.split('.').next().unwrap();
                assert!(
                    !entry["properties"][member].is_null(),
                    "{}: {member}",
                    operation.id
                );
            }
        }
    }
}
