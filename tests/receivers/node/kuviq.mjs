// A receiver written from Kuviq's documentation: X-Webhook-Signature is sha256= and the hex HMAC-SHA256 of the raw body, with the literal secret.

import { createHmac } from "node:crypto";

import { Refused, envelope, exactly, isAnything, isIso, isText, same, serve } from "./serving.mjs";

serve((headers, body) => {
  const expected = `sha256=${createHmac("sha256", process.env.RECEIVER_SECRET).update(body).digest("hex")}`;
  if (!same(expected, headers["x-webhook-signature"])) throw new Refused(401, "the signature is wrong");
  if (headers["content-type"] !== "application/json" || !isIso(headers["x-webhook-timestamp"])) {
    throw new Refused(400, "Content-Type or X-Webhook-Timestamp is not as documented");
  }
  const received = envelope(body);
  if (received.event !== "test.webhook") {
    exactly(received, "the envelope", { event: isText, timestamp: isIso, data: isAnything });
    return;
  }
  exactly(received, "the test envelope", { event: isText, timestamp: isIso, isTest: (flag) => flag === true, data: isAnything });
  exactly(received.data, "its data", { message: isText, endpointId: isText, organizationId: isText });
});
