// `operations.mjs OPENAPI OUTPUT` writes the table of operations that src/postel.ts reads: for each operation id, the method, the path, the names of
// the headers that a caller may set, and the media type of the body.

import { readFileSync, writeFileSync } from "node:fs";

const [from, to] = process.argv.slice(2);
const { paths } = JSON.parse(readFileSync(from, "utf8"));
const methods = ["get", "put", "post", "patch", "delete"];
const table = {};
for (const [path, item] of Object.entries(paths)) {
  for (const method of methods.filter((name) => name in item)) {
    const operation = item[method];
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
    const headers = parameters.filter((parameter) => parameter.in === "header").map((parameter) => parameter.name);
    const [media = null] = Object.keys(operation.requestBody?.content ?? {});
    table[operation.operationId] = [method.toUpperCase(), path, headers, media];
  }
}
const rows = Object.entries(table).map(([id, row]) => `  ${JSON.stringify(id)}: ${JSON.stringify(row)},\n`);
writeFileSync(to, `// Made by operations.mjs.\nexport const operations = {\n${rows.join("")}} as const;\n`);
