// What a test receiver is to answer: as it is typed, and as the API takes it. Pure.

import type { components } from '../api/schema';

export type Scripted = components['schemas']['InboxScriptedResponse'];
export type ScriptedUpsert = components['schemas']['InboxScriptedResponseUpsert'];

export interface AnswerDraft {
  status: string;
  delaySeconds: string;
  times: string;
  retryAfter: string;
  body: string;
  /** Headers that the form does not show; they stay. */
  headers: Record<string, string>;
}

export const ANSWER: AnswerDraft = { status: '200', delaySeconds: '0', times: '1', retryAfter: '', body: '', headers: {} };

/** Scripts that people want most. */
export const SCRIPTS: Record<'works' | 'recovers' | 'busy' | 'gone' | 'silent', Partial<AnswerDraft>[]> = {
  works: [{ status: '200' }],
  recovers: [{ status: '500', body: 'Internal error' }, { status: '200' }],
  busy: [{ status: '429', retryAfter: '5' }, { status: '200' }],
  gone: [{ status: '410' }],
  silent: [{ status: '200', delaySeconds: '60' }],
};

const isRetryAfter = (name: string): boolean => name.toLowerCase() === 'retry-after';

export function draftOf({ status, delaySeconds, headers, body, times }: Scripted): AnswerDraft {
  const all = Object.entries(headers);
  return {
    status: String(status),
    delaySeconds: String(delaySeconds),
    times: String(times),
    retryAfter: all.find(([name]) => isRetryAfter(name))?.[1] ?? '',
    body,
    headers: Object.fromEntries(all.filter(([name]) => !isRetryAfter(name))),
  };
}

const RANGES = [
  ['status', 200, 599],
  ['delaySeconds', 0, 60],
  ['times', 1, 1000],
] as const;

/** Each number that is none or out of its range, by the API's member path, with the range. */
export function mistakesOf(drafts: AnswerDraft[]): [string, number, number][] {
  return drafts.flatMap((draft, index) =>
    RANGES.filter(([name, least, most]) => {
      // The last answer repeats, so that is not asked.
      if (name === 'times' && index === drafts.length - 1) return false;
      const text = draft[name].trim();
      return !/^\d{1,4}$/.test(text) || Number(text) < least || Number(text) > most;
    }).map(([name, least, most]): [string, number, number] => [`responses.${index}.${name}`, least, most]),
  );
}

export function bodyOf(drafts: AnswerDraft[]): { responses: ScriptedUpsert[] } {
  return {
    responses: drafts.map(({ status, delaySeconds, times, retryAfter, body, headers }, index) => ({
      status: Number(status),
      delaySeconds: Number(delaySeconds),
      times: index < drafts.length - 1 ? Number(times) : 1,
      headers: { ...headers, ...(retryAfter.trim() !== '' && { 'Retry-After': retryAfter.trim() }) },
      body,
    })),
  };
}
