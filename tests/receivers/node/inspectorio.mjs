// A receiver written from Inspectorio's documentation (Sight and QRM): no signature, Basic authentication if the user configured it, a thin envelope.

import { Refused, envelope, exactly, isAnything, isText, same, serve } from "./serving.mjs";

const MESSAGE_ID = /^wh-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const { RECEIVER_USERNAME: username, RECEIVER_PASSWORD: password } = process.env;

serve((headers, body) => {
  if (username !== undefined) {
    const expected = `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
    if (!same(expected, headers.authorization)) throw new Refused(401, "the credentials are wrong");
  }
  const received = envelope(body);
  exactly(received, "the envelope", { messageId: (id) => MESSAGE_ID.test(id), eventCode: isText, eventName: isText, payload: isAnything });
  exactly(received.payload, "the payload", { resourceId: Number.isInteger, path: isText });
});
