// The sample receiver of KLIQ's webhook documentation, word for word, and a port that the test reads.

import express from 'express';
import crypto from 'crypto';

const app = express();
app.use(express.json({ verify: (req: any, _res, buf) => { req.rawBody = buf; } }));

app.post('/api/kliq-webhook', (req: any, res) => {
  const signature = req.headers['x-kliq-signature'] as string;
  const expected = crypto
    .createHmac('sha256', process.env.WEBHOOK_SECRET!)
    .update(req.rawBody)
    .digest('hex');

  if (signature !== expected) {
    return res.status(401).json({ error: 'Invalid signature' });
  }

  const event = req.body;
  switch (event.type) {
    case 'cv.job.completed':
      console.log('CV job completed:', event.data.jobId);
      // Process results...
      break;
    case 'cv.job.failed':
      console.error('CV job failed:', event.data.jobId);
      break;
  }

  res.status(200).json({ received: true });
});

const server = app.listen(0, "127.0.0.1", () => console.log(JSON.stringify(server.address())));
