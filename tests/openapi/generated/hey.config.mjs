export default {
  input: "../../../functions/api/openapi.json",
  output: "build/hey",
  logs: { level: "warn", file: false },
  plugins: [
    "@hey-api/client-fetch",
    "@hey-api/typescript",
    // `postel.webhooks.create(…)` from the operation id.
    { name: "@hey-api/sdk", operations: { strategy: "single", containerName: "Postel", nesting: "operationId" } },
  ],
};
