import { describe, expect, it } from 'vitest';
import { curl, quoted } from './curl';

// Not by name, since the page's own code has no types of Node.
const module: string = 'node:child_process';
const { execFileSync } = (await import(module)) as {
  execFileSync: (file: string, words: string[], options: { encoding: 'utf8' }) => string;
};

const plain = { method: 'POST', url: 'https://example.com/hook', headers: {} };

/** What the shell hands to curl, and what it writes into its input. */
function run(command: string): { words: string[]; input: string } {
  const script = `
    curl() {
      for word; do printf '%s' "$word" | od -An -v -tx1 | tr -d ' \\n'; echo; done
      case "$*" in *"--data-binary @-"*) echo input; od -An -v -tx1 | tr -d ' \\n';; esac
    }
    ${command}`;
  const lines = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\n');
  const text = (hex: string) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)));
  const end = lines.indexOf('input');
  return {
    words: lines.slice(0, end < 0 ? -1 : end).map(text),
    input: end < 0 ? '' : text(lines[end + 1] ?? ''),
  };
}

const HOSTILE = ["'; touch /tmp/pwned; '", '$(id) `id` ${HOME} !! \\ " % %s \\n', "''''", "\\'", '-o /tmp/x', '@/etc/passwd', '🎉 ü 你'];

describe('copy as curl', () => {
  it('reads like a command', () => {
    const headers = { 'Content-Type': 'application/json', 'webhook-id': 'evt_1' };
    expect(curl({ ...plain, headers, body: '{"a":98.50}' })).toBe(
      [
        "curl --request 'POST' \\",
        "  --url 'https://example.com/hook' \\",
        "  --header 'Content-Type: application/json' \\",
        "  --header 'webhook-id: evt_1' \\",
        '  --data-raw \'{"a":98.50}\'',
      ].join('\n'),
    );
  });

  it.each(HOSTILE)('%j arrives as it is, in body, header and URL', (text) => {
    const url = `https://example.com/${text}`;
    const { words } = run(curl({ ...plain, url, headers: { 'X-A': text }, body: text }));
    expect(words[words.indexOf('--data-raw') + 1]).toBe(text);
    expect(words[words.indexOf('--url') + 1]).toBe(url);
    expect(words[words.indexOf('--header') + 1]).toBe(`X-A: ${text}`);
  });

  it.each(['{\n\t"a": 1\r\n}', '\u001b[2J\u0003', "a\u202eb\u200b%d\\'", '\u0000', '@x\n'])(
    '%j as a body: the same bytes, without a control character in the command',
    (body) => {
      const command = curl({ ...plain, body });
      expect(command.replaceAll(' \\\n  ', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(run(command).input).toBe(body);
    },
  );

  it('has no control character in a header or URL', () => {
    const url = 'https://example.com/\u202e\u0007x';
    const command = curl({ ...plain, url, headers: { 'X-A': 'a\r\nX-B: c\u001b' } });
    const { words } = run(command);
    expect(words[words.indexOf('--url') + 1]).toBe('https://example.com/x');
    expect(words[words.indexOf('--header') + 1]).toBe('X-A: aX-B: c');
  });

  it('leaves out headers that curl makes or would take for a file', () => {
    const headers = { host: 'a', 'Content-Length': '3', '@/etc/passwd': 'x', 'X-Empty': '' };
    expect(curl({ ...plain, headers })).toContain("--header 'X-Empty;'");
    expect(curl({ ...plain, headers }).match(/--header/g)).toHaveLength(1);
  });

  it('takes brackets in a URL as they are', () => {
    expect(curl({ ...plain, url: 'https://[2001:db8::1]/{a}' })).toContain('--globoff');
  });

  it('does not take another method than a method', () => {
    expect(curl({ ...plain, method: 'POST; id' })).toContain("--request 'POST' ");
  });

  it('quotes a quote', () => {
    expect(quoted("it's")).toBe("'it'\\''s'");
  });
});
