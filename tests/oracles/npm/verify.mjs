// Each line of standard input is a delivery with the one secret to verify it with; writes `genuine` or `forged` for each.

import { createInterface } from "node:readline";

import { Webhook, WebhookVerificationError } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { secrets, headers, body } = JSON.parse(line);
  try {
    new Webhook(secrets[0]).verify(body, headers, { jsonParse: false });
    console.log("genuine");
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    console.log("forged");
  }
}
