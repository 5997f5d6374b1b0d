// The common part of the five receivers. Only node:http and node:crypto, so that a receiver is two files that anyone can run.
//
// The first line of the output is the port; every line after it is one request as JSON: the answer and its reason, and the unchanged request.
// What a vendor gives to a user comes from the environment: RECEIVER_SECRET, or RECEIVER_USERNAME and RECEIVER_PASSWORD.
// A receiver ends with its standard input, so none outlives its parent process.

import { timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const ISO_Z = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The answer to a request that is not as documented: 401 where it proves nobody, 400 where the envelope is another. */
export class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** Whether two texts are the same, without telling by the time it takes where they differ. */
export function same(expected, given) {
  const [a, b] = [Buffer.from(expected), Buffer.from(given ?? "")];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The body as a JSON object. */
export function envelope(body) {
  let parsed;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (wrong) {
    throw new Refused(400, `the body is no JSON: ${wrong.message}`);
  }
  if (!isObject(parsed)) throw new Refused(400, "the body is no JSON object");
  return parsed;
}

/** The documented members, each as documented, and nothing else. */
export function exactly(members, where, checks) {
  const names = Object.keys(checks);
  const found = isObject(members) ? Object.keys(members) : [];
  if (found.length !== names.length || !names.every((name) => found.includes(name))) {
    throw new Refused(400, `${where} has not exactly ${names.join(", ")}`);
  }
  for (const name of names) {
    if (!checks[name](members[name])) throw new Refused(400, `${name} of ${where} is not as documented`);
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
export const isText = (value) => typeof value === "string" && value !== "";
export const isIso = (value) => typeof value === "string" && ISO_Z.test(value);
export const isAnything = () => true;

/** Answers POSTs until the standard input ends. `check` gets the headers by lower-case name and the raw body, and throws `Refused`. */
export function serve(check) {
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      let [status, reason] = [200, ""];
      try {
        check(request.headers, body);
      } catch (wrong) {
        if (!(wrong instanceof Refused)) throw wrong;
        [status, reason] = [wrong.status, wrong.message];
      }
      const headers = [];
      for (let at = 0; at < request.rawHeaders.length; at += 2) headers.push(request.rawHeaders.slice(at, at + 2));
      process.stdout.write(`${JSON.stringify({ status, reason, path: request.url, headers, body: body.toString("base64") })}\n`);
      response.writeHead(status).end(reason);
    });
  });
  server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
  process.stdin.on("end", () => process.exit(0)).resume();
}
