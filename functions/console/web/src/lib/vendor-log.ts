// The log in the words of a vendor's documents: its columns come first, in their order.

import { texts } from '../texts';
import type { LogColumn, LogVendor } from '../texts/en/log';

const FIRST: Record<string, LogColumn[]> = {
  kuviq: ['event', 'status', 'attempts', 'created', 'processed', 'error'],
  kazinex: ['event', 'occurred', 'status', 'code', 'duration'],
};

export function vendorLog(contract: string | undefined): LogVendor {
  return texts('log').vendors[contract ?? ''] ?? {};
}

/** Those that the vendor's documents name, then the others; the row's buttons stay at the end. */
export function inVendorsOrder<T extends { id: string }>(columns: T[], contract: string | undefined): T[] {
  const first: string[] = FIRST[contract ?? ''] ?? [];
  const named = first.flatMap((id) => columns.filter((column) => column.id === id));
  return [...named, ...columns.filter((column) => !named.includes(column))];
}
