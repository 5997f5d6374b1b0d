/** Postel's API: `new Postel({url, key}).tenant("acme").webhooks.create({url: "https://…", events: ["item.*"]})`. Each operation of the OpenAPI document is
 * a function named by its id. Operations of a tenant are on `tenant(id)`, the others on `api`. Arguments: path ids, body, then query and headers. */

import { operations as table } from "./operations.js";
import type { components, operations } from "./schema.js";

type Table = typeof table;
type Id = keyof Table & keyof operations;
type OfTenant = { [I in Id]: Table[I][1] extends `/v1/tenants/{tenantId}/${string}` ? I : never }[Id];
type Ids<Path> = Path extends `${string}{${string}}${infer Rest}` ? [id: string, ...Ids<Rest>] : [];
type Own<Path> = Path extends `/v1/tenants/{tenantId}/${infer Rest}` ? Rest : Path;
type Body<O> = O extends { requestBody: { content: infer Content } } ? [body: Content[keyof Content]] : [];
type Given<P> = [NonNullable<P>] extends [never] ? unknown : NonNullable<P>;
type Options<O> = O extends { parameters: { query?: infer Query; header?: infer Header } } ? Given<Query> & Given<Header> : unknown;
type Last<O> = unknown extends Options<O> ? [] : [options?: Options<O>];
type Success = 200 | 201 | 202;
type Answer<R> = { [S in keyof R & Success]: R[S] extends { content: infer Content } ? Content[keyof Content] : never }[keyof R & Success];
type Result<O> = O extends { responses: infer R } ? ([keyof R & Success] extends [never] ? void : Answer<R>) : never;
type Call<I extends Id, Path> = (...args: [...Ids<Path>, ...Body<operations[I]>, ...Last<operations[I]>]) => Promise<Result<operations[I]>>;
type Resource<I> = I extends `${infer Name}.${string}` ? Name : never;
type Calls<All extends Id, Tenant> = {
  [R in Resource<All>]: { [I in All as I extends `${R}.${infer Verb}` ? Verb : never]: Call<I, Tenant extends true ? Own<Table[I][1]> : Table[I][1]> };
};

export type Problem = components["schemas"]["Problem"];
export type Settings = { url: string; key?: string | undefined; fetch?: typeof fetch };

// Errors of the gateway itself have no code.
const CODES: Record<number, string> = { 401: "invalid_key", 429: "too_many_requests", 503: "unavailable" };

/** An error response of the API. Compare `code`; `problem.detail` is for people. */
export class PostelError extends Error {
  readonly code: string | undefined;
  constructor(readonly status: number, readonly problem: Problem, readonly headers: Headers) {
    super(problem.detail ?? problem.message ?? `Postel answered ${status}.`);
    this.name = "PostelError";
    this.code = problem.code ?? CODES[status];
  }
}

export class Postel {
  readonly api: Calls<Exclude<Id, OfTenant>, false>;
  constructor(private readonly settings: Settings) {
    this.api = this.calls([]);
  }

  tenant(id: string): Calls<OfTenant, true> {
    return this.calls([checked(id)]);
  }

  /** Makes an object for each resource, with a function for each verb. `bound` is the tenant id, or empty. */
  private calls<C>(bound: string[]): C {
    const made: Record<string, Record<string, unknown>> = {};
    for (const [id, [method, path, headers, media]] of Object.entries(table)) {
      const [resource = "", verb = ""] = id.split(".");
      if (path.startsWith("/v1/tenants/{tenantId}/") === bound.length > 0) {
        (made[resource] ??= {})[verb] = (...args: unknown[]) => this.send(method, path, headers, media, [...bound, ...args]);
      }
    }
    return made as C;
  }

  private async send(method: string, path: string, known: readonly string[], media: string | null, args: unknown[]): Promise<unknown> {
    const url = new URL(this.settings.url.replace(/\/$/, "") + path.replace(/{\w+}/g, () => encodeURIComponent(checked(args.shift()))));
    const headers = new Headers(this.settings.key === undefined ? {} : { authorization: `Bearer ${this.settings.key}` });
    const body = media === null ? null : JSON.stringify(args.shift());
    if (media !== null) headers.set("content-type", media);
    for (const [name, value] of Object.entries(args.shift() ?? {})) {
      if (value !== undefined) known.includes(name) ? headers.set(name, String(value)) : url.searchParams.set(name, String(value));
    }
    const answer = await (this.settings.fetch ?? fetch)(url, { method, headers, body });
    const text = await answer.text();
    if (answer.ok) return text === "" ? undefined : JSON.parse(text);
    throw new PostelError(answer.status, problem(text), answer.headers);
  }
}

/** An empty id would address the collection, and URLs drop the segments `.` and `..`. */
function checked(id: unknown): string {
  if (typeof id !== "string" || ["", ".", ".."].includes(id)) throw new TypeError(`An id is needed, not ${JSON.stringify(id)}.`);
  return id;
}

/** A proxy between client and API may answer with something that is not JSON. */
function problem(text: string): Problem {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return { detail: text.slice(0, 200) };
  }
}
