// The rows of the log as a file: for a spreadsheet, or for a program.

import { csv } from '../../lib/csv';
import type { Delivery } from '../../lib/retry';
import { texts } from '../../texts';

export function asCsv(rows: Delivery[], nameOf: (webhookId: string) => string): string {
  const c = texts('log').columns;
  const head = [c.type, c.webhook, c.status, c.attempts, c.codeLong, c.duration, c.occurred, c.created, c.processed, c.next, c.errorLong, 'eventId', 'deliveryId', 'webhookId'];
  const lines = rows.map((row) => [
    row.eventType,
    nameOf(row.webhookId),
    row.status,
    row.attempts,
    row.lastResponseCode,
    row.lastDurationMs,
    row.eventTimestamp,
    row.createdAt,
    row.processedAt,
    row.nextAttemptAt,
    row.error,
    row.eventId,
    row.id,
    row.webhookId,
  ]);
  return csv(head, lines);
}

/** One row of the API's list in each line. */
export const asNdjson = (rows: Delivery[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
