// A receiver written from KLIQ's documentation: X-Kliq-Signature is the bare hex HMAC-SHA256 of the raw body, with the literal secret, whsec_ included.

import { createHmac } from "node:crypto";

import { Refused, envelope, exactly, isAnything, isIso, isText, same, serve } from "./serving.mjs";

const isEventId = (value) => typeof value === "string" && /^evt_./.test(value);

serve((headers, body) => {
  const expected = createHmac("sha256", process.env.RECEIVER_SECRET).update(body).digest("hex");
  if (!same(expected, headers["x-kliq-signature"])) throw new Refused(401, "the signature is wrong");
  exactly(envelope(body), "the envelope", { id: isEventId, type: isText, tenantId: isText, timestamp: isIso, data: isAnything });
});
