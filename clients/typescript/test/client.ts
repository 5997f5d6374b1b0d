// Tests of the client without a stack: the requests it sends, the arguments it refuses, and calls that must not compile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Postel, PostelError } from "../src/postel.js";

type Sent = { method: string; url: string; headers: Record<string, string>; body: unknown };

/** A client whose requests are recorded and all get the same response. */
function recorded(status: number, body: string, key?: string): { postel: Postel; sent: Sent[] } {
  const sent: Sent[] = [];
  const keep: typeof fetch = async (url, init) => {
    sent.push({ method: init?.method ?? "", url: String(url), headers: Object.fromEntries(new Headers(init?.headers)), body: init?.body });
    return new Response(status === 204 ? null : body, { status });
  };
  return { postel: new Postel({ url: "https://postel.example.com/", fetch: keep, key }), sent };
}

test("a call names the method, the path, the body and the key", async () => {
  const { postel, sent } = recorded(201, '{"id": "wh_1"}', "postel_x");
  const made = await postel.tenant("a/b").webhooks.create({ url: "https://example.com", events: ["*"] });
  assert.equal(made.id, "wh_1");
  assert.deepEqual(sent, [
    {
      method: "POST",
      url: "https://postel.example.com/v1/tenants/a%2Fb/webhooks",
      headers: { authorization: "Bearer postel_x", "content-type": "application/json" },
      body: '{"url":"https://example.com","events":["*"]}',
    },
  ]);
});

test("ids come first, then the body, then query and headers", async () => {
  const { postel, sent } = recorded(200, '{"items": []}');
  await postel.tenant("t").deliveries.list({ limit: 5, webhookId: "wh_1" });
  await postel.tenant("t").webhooks.update("wh_1", { name: "n" });
  await postel.api.tenants.upsert("t", { name: "T" });
  await postel.tenant("t").redrives.create({ webhookId: "wh_1" }, { "Idempotency-Key": "5f0c" });
  assert.deepEqual(
    sent.map(({ method, url, body }) => [method, url.replace("https://postel.example.com", ""), body]),
    [
      ["GET", "/v1/tenants/t/deliveries?limit=5&webhookId=wh_1", null],
      ["PATCH", "/v1/tenants/t/webhooks/wh_1", '{"name":"n"}'],
      ["PUT", "/v1/tenants/t", '{"name":"T"}'],
      ["POST", "/v1/tenants/t/redrives", '{"webhookId":"wh_1"}'],
    ],
  );
  assert.equal(sent[3]?.headers["idempotency-key"], "5f0c");
  assert.equal(sent[1]?.headers["content-type"], "application/merge-patch+json");
  assert.equal(sent[0]?.headers["authorization"], undefined);
});

test("an answer without a body is nothing", async () => {
  assert.equal(await recorded(204, "").postel.tenant("t").webhooks.delete("wh_1"), undefined);
});

test("an id that would call something else is refused before anything is sent", async () => {
  const { postel, sent } = recorded(204, "");
  for (const id of ["", ".", ".."]) {
    await assert.rejects(postel.tenant("t").webhooks.delete(id), TypeError);
    assert.throws(() => postel.tenant(id), TypeError);
    await assert.rejects(postel.api.tenants.delete(id), TypeError);
  }
  assert.deepEqual(sent, []);
});

test("an error has the problem, and a code even where the gateway gives none", async () => {
  const of = async (status: number, body: string): Promise<PostelError> => {
    try {
      await recorded(status, body).postel.tenant("t").webhooks.get("wh_1");
    } catch (error) {
      assert.ok(error instanceof PostelError);
      return error;
    }
    throw new Error("no error");
  };
  const missing = await of(404, '{"code": "not_found", "detail": "There is no such webhook.", "requestId": "r1"}');
  assert.deepEqual([missing.status, missing.code, missing.message, missing.problem.requestId], [404, "not_found", "There is no such webhook.", "r1"]);
  const gateway = await of(401, '{"message": "Unauthorized"}');
  assert.deepEqual([gateway.code, gateway.message], ["invalid_key", "Unauthorized"]);
  const proxy = await of(502, "<html>bad gateway</html>");
  assert.deepEqual([proxy.code, proxy.message], [undefined, "<html>bad gateway</html>"]);
});

/** Never called: calls that must not compile. */
export async function misuse({ api, tenant }: Postel): Promise<void> {
  const acme = tenant("acme");
  // @ts-expect-error A misspelt member.
  await acme.webhooks.create({ url: "https://example.com", event: ["*"] });
  // @ts-expect-error No body.
  await acme.webhooks.create();
  // @ts-expect-error No id.
  await acme.webhooks.get();
  // @ts-expect-error An id is a string.
  await acme.webhooks.get(5);
  // @ts-expect-error An event has a type.
  await acme.events.publish({ data: 1 });
  // @ts-expect-error Only the operator manages tenants.
  await acme.tenants.list();
  // @ts-expect-error A tenant's webhooks are on `tenant(id)`.
  await api.webhooks.list();
  // @ts-expect-error This filter does not exist.
  await acme.deliveries.list({ webhook: "wh_1" });
  // @ts-expect-error Only the answer to a creation has the secret.
  (await acme.webhooks.get("wh_1")).secret;
}
