// JSON that a person types.

/** The value, or what is wrong, with the line where the browser says it. */
export function readJson(text: string): { value: unknown } | { wrong: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    const at = /position (\d+)/.exec(said)?.[1];
    if (at === undefined || /line \d+/.test(said)) return { wrong: said };
    const before = text.slice(0, Number(at)).split('\n');
    return { wrong: `${said} (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})` };
  }
}
