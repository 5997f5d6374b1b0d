// Uses the types that openapi-typescript generates of functions/api/openapi.json: what a client wants to write has to compile, and what it must not write
// has to be refused. `npm ci && npm test` in this folder; not a step of the gate.

import type { components, operations, paths } from "./build/postel.js";

type Schemas = components["schemas"];
type Body<Name extends keyof operations> = operations[Name] extends {
  requestBody?: { content: { "application/json": infer B } };
}
  ? B
  : never;
type Answer<Name extends keyof operations, Status extends number> = operations[Name] extends {
  responses: Record<Status, { content: { "application/json": infer B } }>;
}
  ? B
  : never;

const event: Body<"events.publish"> = { type: "item.created", data: { any: ["thing", 1, null] } };
const batch: Body<"events.publishBatch"> = { events: [event, event] };
const webhook: Body<"webhooks.create"> = { url: "https://example.com/hook", events: ["item.*"] };

// @ts-expect-error An event has a type.
const untyped: Body<"events.publish"> = { data: 1 };
// @ts-expect-error A list of events, not one.
const bare: Body<"events.publishBatch"> = event;

const created = (answer: Answer<"webhooks.create", 201>): [string, string | undefined] => [answer.id, answer.secret];
const accepted = (answer: Answer<"events.publish", 202>): string => (answer.duplicate ? "known" : answer.id);
const why = (problem: Schemas["Problem"]): string => problem.code ?? problem.message ?? "unknown";
const next = (page: Answer<"deliveries.list", 200>): string | undefined => page.nextCursor;
// @ts-expect-error Only the answer to a creation has the secret.
const shown = (answer: Answer<"webhooks.get", 200>): string => answer.secret;

const path: keyof paths = "/v1/tenants/{tenantId}/events";

export { accepted, bare, batch, created, next, path, shown, untyped, webhook, why };
