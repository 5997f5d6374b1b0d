// The same with @hey-api/openapi-ts: the resources and verbs of the operation ids are objects and functions.

import { equal, ok } from "node:assert/strict";

import { createClient, createConfig } from "./build/hey/client/index.js";
import { Postel } from "./build/hey/sdk.gen.js";
import { eventually, given, got } from "./scenario.js";

const connect = (key: string) => new Postel({ client: createClient(createConfig({ baseUrl: given("POSTEL_URL"), auth: key })) });
const path = { tenantId: given("TENANT") };
const secret = given("SECRET");

const operator = connect(given("POSTEL_KEY"));
equal(got(await operator.tenants.upsert({ path, body: { name: "Acme" } })).name, "Acme");
const key = got(
  await operator.keys.create({ path, body: { scopes: ["events:write", "webhooks:read", "webhooks:write", "deliveries:read", "deliveries:retry"] } }),
);
const postel = connect(key.key);

const webhook = got(await postel.webhooks.create({ path, body: { url: given("RECEIVER"), events: ["order.*"], secret } }));
equal(webhook.secret, secret);
const failing = got(
  await postel.webhooks.create({
    path,
    body: { url: given("FAILING_RECEIVER"), events: ["order.lost"], secret, overrides: { retryDelaysSeconds: [] } },
  }),
);
const listed = got(await postel.webhooks.list({ path, query: { limit: 10 } }));
equal(listed.items.map(({ id }) => id).join(), [failing.id, webhook.id].join());

const placed = { id: "order-1", type: "order.placed", data: { total: 1 } };
equal(got(await postel.events.publish({ path, body: placed })).duplicate, false);
equal(got(await postel.events.publish({ path, body: placed })).duplicate, true);
const batch = got(
  await postel.events.publishBatch({ path, body: { events: [{ ...placed, data: { total: 2 } }, { id: "order-2", type: "order.lost", data: null }] } }),
);
const [conflict, accepted] = batch.results;
equal(conflict?.error?.code, "id_conflict");
equal(accepted?.id, "order-2");

const refused = await postel.webhooks.create({ path, body: { url: "ftp://example.com", events: ["*"] } });
equal(refused.error?.code, "invalid_url");
equal(refused.error?.field, "url");
const stranger = await connect("wrong").webhooks.list({ path });
equal(stranger.error?.code, "invalid_key");

const letter = await eventually("the dead letter", async () => got(await postel.deadLetters.list({ path, query: { webhookId: failing.id } })).items[0]);
equal(letter.reason, "exhausted");
const dead = { webhookId: failing.id };
equal(got(await postel.redrives.estimate({ path, body: dead })).count, 1);
const job = got(await postel.redrives.create({ path, body: dead }));
const ended = await eventually("the end of the redrive", async () => {
  const redrive = got(await postel.redrives.get({ path: { ...path, redriveId: job.id } }));
  return redrive.status === "running" ? undefined : redrive;
});
equal(ended.done, 1);
ok(await eventually("the delivery", async () => {
  const event = got(await postel.events.get({ path: { ...path, eventId: "order-2" } }));
  return event.deliveries.every(({ status }) => status === "completed") ? true : undefined;
}));
