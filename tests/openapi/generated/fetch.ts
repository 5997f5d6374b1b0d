// A user's first day, with openapi-fetch on the types of openapi-typescript: a tenant, its key, two webhooks, events, errors by code, a redrive.

import { equal, ok } from "node:assert/strict";

import createClient from "openapi-fetch";

import type { paths } from "./build/fetch.js";
import { eventually, given, got } from "./scenario.js";

const client = (key: string) => createClient<paths>({ baseUrl: given("POSTEL_URL"), headers: { authorization: `Bearer ${key}` } });
const params = { path: { tenantId: given("TENANT") } };
const secret = given("SECRET");

const operator = client(given("POSTEL_KEY"));
equal(got(await operator.PUT("/v1/tenants/{tenantId}", { params, body: { name: "Acme" } })).name, "Acme");
const key = got(
  await operator.POST("/v1/tenants/{tenantId}/keys", {
    params,
    body: { scopes: ["events:write", "webhooks:read", "webhooks:write", "deliveries:read", "deliveries:retry"] },
  }),
);
const api = client(key.key);

const webhook = got(
  await api.POST("/v1/tenants/{tenantId}/webhooks", { params, body: { url: given("RECEIVER"), events: ["order.*"], secret } }),
);
equal(webhook.secret, secret);
const failing = got(
  await api.POST("/v1/tenants/{tenantId}/webhooks", {
    params,
    body: { url: given("FAILING_RECEIVER"), events: ["order.lost"], secret, overrides: { retryDelaysSeconds: [] } },
  }),
);
const listed = got(await api.GET("/v1/tenants/{tenantId}/webhooks", { params: { ...params, query: { limit: 10 } } }));
equal(listed.items.map(({ id }) => id).join(), [failing.id, webhook.id].join());

const placed = { id: "order-1", type: "order.placed", data: { total: 1 } };
equal(got(await api.POST("/v1/tenants/{tenantId}/events", { params, body: placed })).duplicate, false);
equal(got(await api.POST("/v1/tenants/{tenantId}/events", { params, body: placed })).duplicate, true);
const batch = got(
  await api.POST("/v1/tenants/{tenantId}/events/batch", {
    params,
    body: { events: [{ ...placed, data: { total: 2 } }, { id: "order-2", type: "order.lost", data: null }] },
  }),
);
const [conflict, accepted] = batch.results;
equal(conflict?.error?.code, "id_conflict");
equal(accepted?.id, "order-2");

const refused = await api.POST("/v1/tenants/{tenantId}/webhooks", { params, body: { url: "ftp://example.com", events: ["*"] } });
equal(refused.error?.code, "invalid_url");
equal(refused.error?.field, "url");
const stranger = await client("wrong").GET("/v1/tenants/{tenantId}/webhooks", { params });
equal(stranger.error?.code, "invalid_key");
// What the gateway itself answers has no code.
const nobody = await createClient<paths>({ baseUrl: given("POSTEL_URL") }).GET("/v1/tenants/{tenantId}/webhooks", { params });
equal(nobody.response.status, 401);
equal(nobody.error?.code, undefined);
equal(nobody.error?.message, "Unauthorized");

const letter = await eventually("the dead letter", async () => {
  const page = got(await api.GET("/v1/tenants/{tenantId}/dead-letters", { params: { ...params, query: { webhookId: failing.id } } }));
  return page.items[0];
});
equal(letter.reason, "exhausted");
const dead = { webhookId: failing.id };
equal(got(await api.POST("/v1/tenants/{tenantId}/redrives/estimate", { params, body: dead })).count, 1);
const job = got(await api.POST("/v1/tenants/{tenantId}/redrives", { params, body: dead }));
const ended = await eventually("the end of the redrive", async () => {
  const redrive = got(await api.GET("/v1/tenants/{tenantId}/redrives/{redriveId}", { params: { path: { ...params.path, redriveId: job.id } } }));
  return redrive.status === "running" ? undefined : redrive;
});
equal(ended.done, 1);
ok(await eventually("the delivery", async () => {
  const event = got(await api.GET("/v1/tenants/{tenantId}/events/{eventId}", { params: { path: { ...params.path, eventId: "order-2" } } }));
  return event.deliveries.every(({ status }) => status === "completed") ? true : undefined;
}));
