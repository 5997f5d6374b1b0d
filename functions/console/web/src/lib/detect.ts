// Finds out how a contract signs that this page may not read: from a delivery and its secret.

import { type Scheme, type SigningContract } from './contracts';
import { header } from './headers';
import { verify, type Delivery, type Verdict } from './verify';

const TEXTS = ['{body}', '{id}.{timestamp}.{body}', '{timestamp}.{body}', '{id}.{body}', '{timestampIso}.{body}', '{timestamp}{body}', '{id}{timestamp}{body}', '{timestampIso}{body}', '{id}.{timestampIso}.{body}'];
const SIGNATURE = /^(.*?)([0-9a-f]{64}|[A-Za-z0-9+/]{43}=)$/;

/** The schemes that this delivery may follow. */
export function schemesOf(delivery: Delivery): Scheme[] {
  return delivery.headers.flatMap(({ name, value }) => {
    const found = SIGNATURE.exec(value);
    if (found === null) return [];
    const [, prefix = '', text = ''] = found;
    return ['literal', 'whsec'].flatMap((secret) => TEXTS.map((signedText): Scheme => ({ header: name, prefix, encoding: text.length === 64 ? 'hex' : 'base64', signedText, secret })));
  });
}

/** The scheme that makes the delivery genuine, with its verdict. */
export async function detect(name: string, delivery: Delivery, now: number): Promise<{ verdict: Verdict; scheme?: Scheme }> {
  const contract: SigningContract = { name };
  const iso = delivery.headers.find((one) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(one.value));
  if (iso !== undefined) contract.headers = { [iso.name]: '{timestampIso}' };
  let verdict: Verdict = { result: 'no_header', header: 'signature' };
  for (const signature of schemesOf(delivery)) {
    if (header(delivery.headers, 'webhook-id') === undefined && signature.signedText.includes('{id}')) continue;
    const one = await verify({ ...contract, signature }, delivery, now, false);
    if (one.result === 'genuine') return { verdict: one, scheme: signature };
    if (one.result === 'other' || one.result === 'missing') verdict = one;
  }
  return { verdict };
}
