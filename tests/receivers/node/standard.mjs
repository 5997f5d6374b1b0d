// A receiver written from Standard Webhooks 1.0: any v1 signature of "{id}.{timestamp}.{body}" matches, and the attempt's timestamp is within the tolerance.

import { createHmac } from "node:crypto";

import { Refused, envelope, exactly, isAnything, isIso, isText, same, serve } from "./serving.mjs";

const TOLERANCE_SECONDS = 300;

serve((headers, body) => {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": given = "" } = headers;
  if (!id || !/^\d{1,12}$/.test(timestamp ?? "") || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Refused(401, "the id or the timestamp is missing, or it is too old");
  }
  const key = Buffer.from(process.env.RECEIVER_SECRET.replace(/^whsec_/, ""), "base64");
  const expected = `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64")}`;
  if (!given.split(" ").some((one) => same(expected, one))) throw new Refused(401, "no signature fits");
  exactly(envelope(body), "the envelope", { type: isText, timestamp: isIso, data: isAnything });
});
