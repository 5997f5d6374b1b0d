// The sample of KLIQ's webhook documentation that creates a webhook, word for word. Added: the lines that define `tenant`.

import { Postel } from "../src/postel.js";

const { POSTEL_URL: url = "", POSTEL_KEY: key = "", TENANT: id = "" } = process.env;
const tenant = new Postel({ url, key }).tenant(id);

const webhook = await tenant.webhooks.create({
  url: 'https://your-server.com/api/kliq-webhook',
  events: ['observation.created', 'cv.job.completed', 'cv.job.failed'],
  secret: 'whsec_your_signing_secret',
});

console.log(webhook.id); // "wh_abc123"
