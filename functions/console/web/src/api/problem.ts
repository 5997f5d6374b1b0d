// What an answer that is no success says: a problem document (RFC 9457), the gateway's own
// answer, or no answer.

import type { components } from './schema';

export type Problem = components['schemas']['Problem'];

export type Failure = 'offline' | 'session' | 'forbidden' | 'missing' | 'busy' | 'conflict' | 'invalid' | 'server' | 'other';

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly at = new Date();

  constructor(
    /** 0: no answer came. */
    readonly status: number,
    readonly problem: Problem,
    /** Seconds, of a 429 or 503. */
    readonly retryAfter?: number,
  ) {
    super(problem.detail ?? problem.title ?? problem.message ?? `HTTP ${status}`);
  }

  get code(): string | undefined {
    return this.problem.code;
  }

  get kind(): Failure {
    switch (this.status) {
      case 0:
        return 'offline';
      case 401:
        return 'session';
      case 403:
        return 'forbidden';
      case 404:
      case 410:
        return 'missing';
      case 429:
        return 'busy';
      case 409:
      case 412:
        return 'conflict';
      case 400:
      case 413:
      case 415:
      case 422:
        return 'invalid';
      default:
        return this.status >= 500 ? 'server' : 'other';
    }
  }

  /** The right that is missing, if the 403 names one: "This key lacks the scope keys." */
  get missingScope(): string | undefined {
    return this.status === 403 ? /\bscope `?([a-z]+(?::[a-z]+)?)/.exec(this.problem.detail ?? '')?.[1] : undefined;
  }
}

export function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

export function errorOf(response: Response, body: unknown): ApiError {
  const problem = typeof body === 'object' && body !== null ? (body as Problem) : {};
  return new ApiError(response.status, problem, retryAfterOf(response.headers));
}

/** Any thrown value as an ApiError, so that no page has to tell them apart. */
export function asError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError(0, { detail: thrown instanceof Error ? thrown.message : String(thrown) });
}

export interface FieldError {
  /** Member path in dots: `basicAuth.username`, `events.0`. */
  field: string;
  code: string;
  detail: string;
  reason?: string;
}

const dots = (pointer: string): string => pointer.replace(/^\//, '').split('/').map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~')).join('.');

/** The mistakes that have a place, each once. */
export function fieldErrors(error: ApiError): FieldError[] {
  const { code = 'invalid_value', detail = '', field, reason, errors = [] } = error.problem;
  const found: FieldError[] = errors
    .filter((mistake) => mistake.pointer !== undefined || mistake.parameter !== undefined)
    .map((mistake) => ({ field: mistake.pointer === undefined ? (mistake.parameter ?? '') : dots(mistake.pointer), code: mistake.code, detail: mistake.detail, reason: mistake.reason }));
  if (field !== undefined && !found.some((one) => one.field === field || one.field.startsWith(`${field}.`))) found.unshift({ field, code, detail, reason });
  return found;
}
