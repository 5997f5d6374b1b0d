//! The types of operational events, each with its entry of the catalogue.

/// Writes the enum and its entries as one table, so that no type lacks one.
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
                match self { $(Self::$kind => $example,)* }
            }
        }
    };
}

kinds! {
    WebhookCreated = "webhook.created", "Webhook created",
        "A webhook was created.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f012_0","type":"webhook.created","time":"2026-03-01T09:00:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true}"#;
    WebhookUpdated = "webhook.updated", "Webhook updated",
        "Its owner changed a webhook; `changed` names the members, without their values. A new URL ends `failing` and `slow`.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f013_0","type":"webhook.updated","time":"2026-03-01T09:05:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"changed":["url","secret"]}"#;
    WebhookDeleted = "webhook.deleted", "Webhook deleted",
        "A webhook was deleted, alone or with its tenant.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f014_0","type":"webhook.deleted","time":"2026-03-01T09:10:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true}"#;
    WebhookEnabled = "webhook.enabled", "Webhook enabled",
        "Its owner switched a webhook on again. It starts without `failing`.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f015_0","type":"webhook.enabled","time":"2026-03-01T09:15:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true}"#;
    WebhookDisabled = "webhook.disabled", "Webhook disabled",
        "A webhook was switched off: by its owner (`owner`), because the receiver responded with 410 (`gone`), or because a contract asks for it after the last failed attempt (`exhausted`).",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f016_0","type":"webhook.disabled","time":"2026-03-01T09:20:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":false,"reason":"gone","failingSince":"2026-03-01T09:00:00.000Z"}"#;
    WebhookFailing = "webhook.failing", "Webhook failing",
        "The second attempt of a delivery failed in a row, or a delivery became a dead letter. Once until `webhook.recovered`, a new URL or `webhook.enabled`.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f017_0","type":"webhook.failing","time":"2026-03-01T09:25:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"failingSince":"2026-03-01T09:24:50.000Z"}"#;
    WebhookRecovered = "webhook.recovered", "Webhook recovered",
        "The first success of a failing webhook.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f018_0","type":"webhook.recovered","time":"2026-03-01T09:30:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"failingSince":"2026-03-01T09:24:50.000Z"}"#;
    WebhookSlow = "webhook.slow", "Webhook slow",
        "A webhook's receiver is slow; its deliveries are made from the slow lane from now on.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f019_0","type":"webhook.slow","time":"2026-03-01T09:35:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"slowSince":"2026-03-01T09:35:00.000Z"}"#;
    WebhookQuick = "webhook.quick", "Webhook quick again",
        "A slow webhook's receiver is quick again.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f01a_0","type":"webhook.quick","time":"2026-03-01T09:40:00.000Z","stack":"postel","tenantId":"acme","webhookId":"wh_0123456789abcdefghjk","host":"api.example.com","contract":"standard","active":true,"slowSince":"2026-03-01T09:35:00.000Z"}"#;
    DeliveryExhausted = "delivery.exhausted", "Delivery exhausted",
        "A delivery became a dead letter: Postel no longer retries it automatically. `reason` says why, with the words of dead letters.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f01b_0","type":"delivery.exhausted","time":"2026-03-01T09:45:00.000Z","stack":"postel","tenantId":"acme","deadLetterId":"dl_01ARZ3NDEKTSV4RRFFQ69G5FAV","deliveryId":"dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV0123456789abcdefghjk","webhookId":"wh_0123456789abcdefghjk","eventId":"order-17","eventType":"order.paid","reason":"exhausted","attempts":8,"lastStatus":503,"lastError":null}"#;
    MessageRejected = "message.rejected", "Message rejected",
        "A message of the events queue could not become an event, and is a dead letter. `tenantId` is null if the message does not prove its tenant.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f01c_0","type":"message.rejected","time":"2026-03-01T09:50:00.000Z","stack":"postel","tenantId":null,"deadLetterId":"dl_01ARZ3NDEKTSV4RRFFQ69G5FAV","reason":"sender_not_allowed","sender":"AROAEXAMPLEEXAMPLE123","messageId":"0b6e7f3c-4a1d-4d0e-9a57-1f2e3d4c5b6a"}"#;
    KeyCreated = "key.created", "Key created",
        "An API key was created.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f01d_0","type":"key.created","time":"2026-03-01T09:55:00.000Z","stack":"postel","tenantId":"acme","keyId":"0123456789ab","scopes":["events:write"],"expiresAt":null}"#;
    KeyDeleted = "key.deleted", "Key deleted",
        "An API key was deleted (`deleted`), or removed after it had expired (`expired`).",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f01e_0","type":"key.deleted","time":"2026-03-01T10:00:00.000Z","stack":"postel","tenantId":"acme","keyId":"0123456789ab","scopes":["events:write"],"expiresAt":null,"reason":"deleted"}"#;
    RedriveCompleted = "redrive.completed", "Redrive completed",
        "A redrive job has redriven all its dead letters.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f01f_0","type":"redrive.completed","time":"2026-03-01T10:05:00.000Z","stack":"postel","tenantId":"acme","redriveId":"rd_01ARZ3NDEKTSV4RRFFQ69G5FAV","total":500,"done":498,"failed":2,"skipped":0}"#;
    RedriveStopped = "redrive.stopped", "Redrive stopped",
        "A redrive job was cancelled before its end. The numbers are those of the last saved step.",
        r#"{"id":"op_2f0f7d0c5b1e4a69a3a1c9d3b6e8f020_0","type":"redrive.stopped","time":"2026-03-01T10:10:00.000Z","stack":"postel","tenantId":"acme","redriveId":"rd_01ARZ3NDEKTSV4RRFFQ69G5FAV","total":500,"done":120,"failed":0,"skipped":0}"#;
}
