// A receiver written from Kazinex's documentation: X-Kazinex-Signature is sha256= and the hex HMAC-SHA256 of the raw body, with the literal secret.

import { createHmac } from "node:crypto";

import { Refused, envelope, exactly, isAnything, isIso, isText, same, serve } from "./serving.mjs";

serve((headers, body) => {
  const expected = `sha256=${createHmac("sha256", process.env.RECEIVER_SECRET).update(body).digest("hex")}`;
  if (!same(expected, headers["x-kazinex-signature"])) throw new Refused(401, "the signature is wrong");
  exactly(envelope(body), "the envelope", { event: isText, timestamp: isIso, organisation_id: isText, project_id: isText, data: isAnything });
});
