//! The types of operational events, each with its entry of the catalogue.

/// Writes the enum and its entries as one table, so that no type lacks one. An example has only the
/// members of its own and the tenant: the others are the same for all.
macro_rules! kinds {
    ($($kind:ident = $text:literal, $name:literal, $description:literal, $example:literal;)*) => {
        /// The type of an operational event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each has its description as a text")]
        pub enum OperationalEventKind {
            $($kind,)*
        }

        impl OperationalEventKind {
            /// All, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The event's type.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $text,)* }
            }

            /// The display name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// When it happens.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$kind => $description,)* }
            }

            /// A typical body, as JSON.
            #[must_use]
            pub const fn example(self) -> &'static str {
                match self { $(Self::$kind => concat!(
                    r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f012_0","type":""#, $text,
                    r#"","time":"2026-03-01T09:30:00.000Z","stack":"postel","#, $example, "}"
                ),)* }
            }
        }
    };
}

kinds! {
    WebhookCreated = "webhook.created", "Webhook created",
        "A webhook was created.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    WebhookUpdated = "webhook.updated", "Webhook updated",
        "Its owner changed a webhook; `changed` names the members, without their values. A new URL ends `failing` and `slow`.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"changed":["url","secret"],"by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    WebhookDeleted = "webhook.deleted", "Webhook deleted",
        "A webhook was deleted, alone or with its tenant.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    WebhookEnabled = "webhook.enabled", "Webhook enabled",
        "Its owner switched a webhook on again. It starts without `failing`.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    WebhookDisabled = "webhook.disabled", "Webhook disabled",
        "A webhook was switched off: by its owner (`owner`), because the receiver responded with 410 (`gone`), or because a contract asks for it after the last failed attempt (`exhausted`).",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":false,"reason":"gone","failingSince":"2026-03-01T09:00:00.000Z","by":{"kind":"postel","id":null}"#;
    WebhookFailing = "webhook.failing", "Webhook failing",
        "The second attempt of a delivery failed in a row, or a delivery became a dead letter. Once until `webhook.recovered`, a new URL or `webhook.enabled`.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"failingSince":"2026-03-01T09:24:50.000Z""#;
    WebhookRecovered = "webhook.recovered", "Webhook recovered",
        "The first success of a failing webhook.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"failingSince":"2026-03-01T09:24:50.000Z""#;
    WebhookSlow = "webhook.slow", "Webhook slow",
        "A webhook's receiver is slow; its deliveries are made from the slow lane from now on.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"slowSince":"2026-03-01T09:35:00.000Z""#;
    WebhookQuick = "webhook.quick", "Webhook quick again",
        "A slow webhook's receiver is quick again.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"slowSince":"2026-03-01T09:35:00.000Z""#;
    DeliveryExhausted = "delivery.exhausted", "Delivery exhausted",
        "A delivery became a dead letter: Postel no longer retries it automatically. `reason` says why, with the words of dead letters.",
        r#""tenantId":"acme","deadLetterId":"dl_01ARZ3NDEKTSV4RRFFQ69G5FAV","deliveryId":"dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV0123456789abcdefghjk","webhookId":"wh_0123456789abcdefghjk","eventId":"order-17","eventType":"order.paid","reason":"exhausted","attempts":8,"lastStatus":503,"lastError":null"#;
    MessageRejected = "message.rejected", "Message rejected",
        "A message of the events queue could not become an event, and is a dead letter. `tenantId` is null if the message does not prove its tenant.",
        r#""tenantId":null,"deadLetterId":"dl_01ARZ3NDEKTSV4RRFFQ69G5FAV","reason":"sender_not_allowed","sender":"AROAEXAMPLEEXAMPLE123","messageId":"0b6e7f3c-4a1d-4d0e-9a57-1f2e3d4c5b6a""#;
    KeyCreated = "key.created", "Key created",
        "An API key was created.",
        r#""tenantId":"acme","keyId":"0123456789ab","scopes":["events:write"],"expiresAt":null,"by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    KeyDeleted = "key.deleted", "Key deleted",
        "An API key was deleted (`deleted`), or removed after it had expired (`expired`).",
        r#""tenantId":"acme","keyId":"0123456789ab","scopes":["events:write"],"expiresAt":null,"reason":"deleted","by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    SecretRotated = "secret.rotated", "Secret rotated",
        "A webhook has a new signing secret. `webhook.updated` with `secret` comes too, also when older secrets were ended.",
        r#""tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    SessionCreated = "session.created", "Session created",
        "A session was created, for the portal or, without a tenant, for the operator's console.",
        r#""tenantId":"acme","sessionId":"ses_01J9ZQ5X3N8V7K2M4R6T8W0Y1B","scopes":["webhooks:read"],"expiresAt":"2026-03-01T10:30:00.000Z","by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
    RedriveCompleted = "redrive.completed", "Redrive completed",
        "A redrive job has redriven all its dead letters.",
        r#""tenantId":"acme","redriveId":"rd_01ARZ3NDEKTSV4RRFFQ69G5FAV","total":500,"done":498,"failed":2,"skipped":0"#;
    RedriveStopped = "redrive.stopped", "Redrive stopped",
        "A redrive job was cancelled before its end. The numbers are those of the last saved step.",
        r#""tenantId":"acme","redriveId":"rd_01ARZ3NDEKTSV4RRFFQ69G5FAV","total":500,"done":120,"failed":0,"skipped":0,"by":{"kind":"key","id":"0a1b2c3d4e5f"}"#;
}
