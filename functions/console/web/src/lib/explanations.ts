/** A code of the API in plain words: what happened, and what to do. */
import type { Failures } from '../texts/en/failures';

/** Why an attempt got no answer. */
export function ofAttempt(texts: Failures, code: string): string {
  return texts.attempt[code] ?? texts.unknown;
}

/** Why something is a dead letter. */
export function ofReason(texts: Failures, code: string): string {
  return texts.reason[code] ?? texts.unknown;
}

/** Why a delivery has failed, or its last attempt. */
export function ofDelivery(texts: Failures, code: string): string {
  return texts.reason[code] ?? texts.attempt[code] ?? texts.unknown;
}

/** In a few words; a code that is not known is shown itself. */
export function short(texts: Failures, code: string): string {
  return texts.short[code] ?? code;
}

/** What a status usually means; nothing for a success. */
export function ofStatus(texts: Failures, status: number): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  return texts.status[String(status)] ?? texts.status[`${Math.floor(status / 100)}xx`];
}
