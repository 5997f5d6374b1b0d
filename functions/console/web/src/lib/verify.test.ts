/// <reference types="node" />
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { BUILTIN, builtin, type SigningContract } from './contracts';
import { utf8 } from './bytes';
import { parseHeaders, type Header } from './headers';
import { detect } from './detect';
import { explainComputed, verify, type Change, type Delivery } from './verify';

const ROOT = new URL('../../../../../', import.meta.url);
const json = (path: string) => JSON.parse(readFileSync(new URL(path, ROOT), 'utf8'));
const vectors = json('tests/fixtures/standardwebhooks_vectors.json');
const documented = json('functions/api/openapi.json').webhooks;

const STANDARD = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const AT = 1_769_860_800_000;

const contract = (name: string): SigningContract => {
  const found = builtin(name);
  if (!found) throw new Error(`no contract ${name}`);
  return found;
};

/** The document's own example of a delivery of a contract. */
function example(name: string): Delivery {
  const operation = documented[name].post;
  const headers: Header[] = operation.parameters.map((one: { name: string; example: string }) => ({ name: one.name, value: one.example }));
  const [shown] = Object.values(operation.requestBody.content['application/json'].examples) as { value: unknown }[];
  const secret = /signed with the secret `([^`]+)`/.exec(operation.description)?.[1] ?? "";
  return { secret, headers, body: utf8(JSON.stringify(shown?.value)) };
}

const replaced = (delivery: Delivery, name: string, value: string | null): Delivery => ({
  ...delivery,
  headers: delivery.headers.flatMap((one) => (one.name !== name ? [one] : value === null ? [] : [{ name, value }])),
});

const how = (changes: readonly Change[] | null) => changes?.map((one) => ("how" in one ? `${one.part}:${one.how}` : one.part));
async function mistake(name: string, delivery: Delivery) {
  const verdict = await verify(contract(name), delivery, AT);
  return verdict.result === 'mistake' ? how(verdict.changes) : verdict;
}

describe('genuine deliveries', () => {
  test.each(['standard', 'kuviq', 'kazinex', 'kliq'])('the documented delivery of %s is genuine', async (name) => {
    const verdict = await verify(contract(name), example(name), AT);
    expect(verdict).toMatchObject({ result: 'genuine', expected: example(name).headers.find((one) => /signature/i.test(one.name))?.value });
  });

  test('every published vector of Standard Webhooks has the published verdict', async () => {
    expect(vectors.verify.length).toBeGreaterThan(10);
    for (const row of vectors.verify) {
      const headers = Object.entries(row.headers as Record<string, string>).map(([name, value]) => ({ name, value }));
      const verdict = await verify(contract('standard'), { secret: row.secret, headers, body: utf8(row.payload) }, row.now * 1000);
      const accepted = verdict.result === 'genuine' && Math.abs(verdict.age ?? 0) <= 300;
      expect(accepted, `${row.name}: ${JSON.stringify(verdict)}`).toBe(row.expect === "accept");
    }
  });

  test('the signatures that the vendors publish are genuine', async () => {
    const rows = vectors.legacy_seed_formats.filter((row: { name: string }) => builtin(row.name)?.signature);
    expect(rows.length).toBe(3);
    for (const row of rows) {
      const headers = Object.entries(row.headers as Record<string, string>).map(([name, value]) => ({ name, value }));
      const verdict = await verify(contract(row.name), { secret: row.secret_raw_utf8, headers, body: utf8(row.payload) }, AT);
      expect(verdict.result, row.name).toBe('genuine');
    }
  });

  test('during a rotation either secret matches', async () => {
    const [row] = vectors.rotation;
    const headers = parseHeaders(
      `webhook-id: ${row.msg_id}\nwebhook-timestamp: ${row.timestamp}\nwebhook-signature: ${row.expected_header_while_overlap}`,
    );
    for (const secret of [row.current_secret, row.previous_secret]) {
      expect((await verify(contract('standard'), { secret, headers, body: utf8(row.payload) }, AT)).result).toBe('genuine');
    }
  });

  test("an operator's own contract is checked as it is defined", async () => {
    const own: SigningContract = {
      name: 'mine',
      headers: { 'X-Sent': '{timestampIso}' },
      signature: { header: 'X-Mine', encoding: 'hex', signedText: '{timestampIso}|{id}|{body}', secret: 'literal' },
    };
    const key = await crypto.subtle.importKey('raw', utf8('s'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const bytes = new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8('2026-01-31T12:00:00.123Z|evt_1|{}')));
    const value = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const headers = parseHeaders(`X-Mine: ${value}\nX-Sent: 2026-01-31T12:00:00.123Z\nwebhook-id: evt_1\nwebhook-timestamp: 1769860800`);
    expect((await verify(own, { secret: 's', headers, body: utf8('{}') }, AT)).result).toBe('genuine');
  });

  test('a delivery tells its age only where the time is signed', async () => {
    const late = await verify(contract('standard'), example('standard'), AT + 7_200_000);
    expect(late).toMatchObject({ result: 'genuine', age: 7200 });
    expect(await verify(contract('kuviq'), example('kuviq'), AT + 7_200_000)).not.toHaveProperty('age');
  });
});

describe('mistakes in what was given', () => {
  test.each<[string, (text: string) => string, string]>([
    ['indented', (text) => JSON.stringify(JSON.parse(text), null, 2), 'body:compact'],
    ["with Python's spaces", (text) => text.replace(/":/g, '": ').replace(/,"/g, ', "'), "body:compact"],
    ["with a line break at its end", (text) => `${text}\n`, "body:edges"],
  ])('a body %s is found', async (_, change, found) => {
    for (const { name } of BUILTIN.filter((one) => one.signature)) {
      const delivery = example(name);
      const body = utf8(change(new TextDecoder().decode(delivery.body)));
      expect(await mistake(name, { ...delivery, body }), name).toEqual([found]);
    }
  });

  test.each<[string, string, (secret: string) => string, string[]]>([
    ['kliq', 'without its prefix', (secret) => secret.replace('whsec_', ''), ['secret:prefix_missing']],
    ["kuviq", "with a line break", (secret) => `${secret}\n`, ["secret:edges"]],
    ["standard", "with a line break", (secret) => `${secret}\n`, ["secret:edges"]],
    ["kuviq", "in quotes", (secret) => `"${secret}"`, ["secret:quotes"]],
    ["kuviq", "with a prefix that it does not have", (secret) => `whsec_${secret}`, ["secret:prefix_extra"]],
    ['kuviq', 'written in hex', (secret) => Buffer.from(secret).toString('hex'), ['secret:hex']],
    ['kuviq', 'written in base64', (secret) => Buffer.from(secret).toString('base64'), ['secret:decoded']],
  ])('a secret of %s %s is found', async (name, _, change, found) => {
    const delivery = example(name);
    const given = { ...delivery, secret: change(delivery.secret) };
    expect(await mistake(name, given)).toEqual(found);
  });

  test('a signature without its prefix, in the other encoding or in capitals is found', async () => {
    const value = (name: string) => example(name).headers.find((one) => /signature/i.test(one.name))?.value ?? '';
    const given = (name: string, header: string, text: string) => mistake(name, replaced(example(name), header, text));
    expect(await given('kuviq', 'X-Webhook-Signature', value('kuviq').slice(7))).toEqual(['signature:prefix_missing']);
    expect(await given("kliq", "X-Kliq-Signature", `sha256=${value("kliq")}`)).toEqual(["signature:prefix_extra"]);
    expect(await given('kliq', 'X-Kliq-Signature', value('kliq').toUpperCase())).toEqual(['signature:upper_case']);
    const base64 = Buffer.from(value('kazinex').slice(7), 'hex').toString('base64');
    expect(await given("kazinex", "X-Kazinex-Signature", `sha256=${base64}`)).toEqual(["signature:base64"]);
    expect(await given('standard', 'webhook-signature', value('standard').slice(3))).toEqual(['signature:prefix_missing']);
    expect(await given('kuviq', 'X-Webhook-Signature', 'sha256=zz')).toMatchObject({ result: 'malformed' });
  });

  test('a header that is not there is named, and the contract whose header is', async () => {
    expect(await mistake('kuviq', example('kazinex'))).toEqual({
      result: 'no_header',
      header: 'X-Webhook-Signature',
      other: { contract: 'kazinex', header: 'X-Kazinex-Signature' },
    });
    expect(await mistake('standard', replaced(example('standard'), 'webhook-id', null))).toEqual({ result: 'no_part', header: 'webhook-id' });
  });

  test('another secret, and a changed word in the body, is no usual mistake', async () => {
    const delivery = example('kuviq');
    expect(await mistake('kuviq', { ...delivery, secret: 'another' })).toMatchObject({ result: 'other' });
    expect(await mistake('kuviq', { ...delivery, body: utf8('{}') })).toMatchObject({ result: 'other' });
    const standard = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(await mistake('standard', { ...example('standard'), secret: standard })).toMatchObject({ result: 'other' });
    expect(await mistake('standard', { ...delivery, secret: 'short' })).toMatchObject({ result: 'bad_secret' });
  });

  test('what is missing is said, and a contract without a signature has none', async () => {
    const delivery = example('kuviq');
    expect(await mistake('kuviq', { ...delivery, secret: ' ' })).toEqual({ result: 'missing', what: 'secret' });
    expect(await mistake('kuviq', { ...delivery, headers: [] })).toEqual({ result: 'missing', what: 'headers' });
    expect(await mistake('kuviq', { ...delivery, body: utf8('') })).toEqual({ result: 'missing', what: 'body' });
    expect(await mistake('inspectorio', { ...delivery, secret: '' })).toEqual({ result: 'unsigned' });
  });
});

describe("mistakes in a receiver's code", () => {
  const sign = async (key: Uint8Array<ArrayBuffer>, text: string, hash = 'SHA-256') => {
    const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash }, false, ['sign']);
    return Buffer.from(await crypto.subtle.sign('HMAC', imported, utf8(text)));
  };
  const decoded = Uint8Array.from(Buffer.from(STANDARD.slice(6), 'base64'));
  const body = new TextDecoder().decode(example('standard').body);
  const text = `evt_01KG9YS7G0ZSPK8T6FBHTDHV1A.1769860800.${body}`;
  const explained = async (computed: string) => how(await explainComputed(contract('standard'), example('standard'), computed));

  test('each one is named', async () => {
    expect(await explained(`v1,${(await sign(decoded, text)).toString("base64")}`)).toEqual([]);
    expect(await explained(`v1,${(await sign(utf8(STANDARD), text)).toString("base64")}`)).toEqual(["secret:not_decoded"]);
    expect(await explained(`v1,${(await sign(decoded, body)).toString("base64")}`)).toEqual(["text"]);
    expect(await explained((await sign(decoded, text)).toString('hex'))).toEqual(['signature:prefix_missing', 'signature:hex']);
    expect(await explained(`v1,${(await sign(decoded, text, "SHA-1")).toString("base64")}`)).toEqual(["algorithm"]);
    const spaced = text.replace(/":/g, '": ').replace(/,"/g, ', "');
    expect(await explained(`v1,${(await sign(decoded, spaced)).toString("base64")}`)).toEqual(["body:spaced"]);
    expect(await explained('v1,AAAA')).toBeUndefined();
  });
});

test('headers are read as people paste them', () => {
  const found = [{ name: 'webhook-id', value: 'evt_1' }];
  for (const pasted of [
    'webhook-id: evt_1',
    "POST /hook HTTP/1.1\r\nwebhook-id: evt_1\r\n",
    '{"webhook-id": "evt_1"}',
    '{"webhook-id": ["evt_1"]}',
    '[{"name": "webhook-id", "value": "evt_1"}]',
    '[["webhook-id", "evt_1"]]',
    "curl https://example.com \\\n  -H 'webhook-id: evt_1' \\",
    'HTTP_WEBHOOK_ID=evt_1',
    "'webhook-id': 'evt_1',",
  ]) {
    expect(parseHeaders(pasted), pasted).toEqual(found);
  }
});

describe('a contract that the page may not read', () => {
  test.each(['standard', 'kuviq', 'kazinex', 'kliq'])('is found out from a delivery of %s', async (name) => {
    const { verdict, scheme } = await detect('mine', example(name), AT);
    const known = contract(name).signature;
    expect(verdict.result).toBe('genuine');
    expect(scheme).toMatchObject({ encoding: known?.encoding, signedText: known?.signedText, prefix: known?.prefix ?? '' });
  });

  test('is not found out with another secret', async () => {
    expect((await detect('mine', { ...example('kuviq'), secret: 'x' }, AT)).verdict.result).toBe('other');
    expect((await detect('mine', { ...example('kuviq'), headers: [{ name: 'a', value: 'b' }] }, AT)).verdict.result).toBe('no_header');
  });
});
