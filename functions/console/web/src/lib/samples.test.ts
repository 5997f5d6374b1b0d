/// <reference types="node" />
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHmac } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';

import { BUILTIN, type SigningContract } from './contracts';
import { LANGUAGES, sample, type Language } from './samples';

const ROOT = new URL('../../../../../', import.meta.url);
const page = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'samples-'));
afterAll(() => rmSync(directory, { recursive: true }));

const WHSEC = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const OWN: SigningContract[] = [
  { name: 'own-1', signature: { header: 'X-Mine', prefix: 'a{"=', encoding: 'base64', signedText: '`${x}\\"é{timestamp}%{id}.{body}-{body}}', secret: 'literal' } },
  { name: 'own-2', signature: { header: 'X-Mine', encoding: 'hex', signedText: '{timestampIso}.{body}', secret: 'whsec', several: true } },
  { name: 'own-3', headers: { 'X-Sent': '{timestampIso}' }, signature: { header: 'X-Mine', encoding: 'hex', signedText: '{timestampIso}|{body}', secret: 'literal' } },
];
const CONTRACTS = [...BUILTIN, ...OWN].filter((one) => one.signature);

interface Case {
  name: string;
  secret: string;
  headers: Record<string, string>;
  body: string;
  genuine: boolean;
}

/** A delivery signed here, and the same with one thing changed. */
function cases(contract: SigningContract): Case[] {
  const scheme = contract.signature;
  if (!scheme) return [];
  const secret = scheme.secret === 'whsec' ? WHSEC : 'a secret "the user\' typed é';
  const key = scheme.secret === 'whsec' ? Buffer.from(WHSEC.slice(6), 'base64') : secret;
  const at = Math.floor(Date.now() / 1000);
  const body = '{"name":"Zoë","n":1.0}';
  const delivery = (seconds: number): Record<string, string> => {
    const iso = new Date(seconds * 1000).toISOString();
    const text = scheme.signedText.replace(/\{(id|timestamp|timestampIso|body)\}/g, (_, name: string) => ({ id: 'evt_1', timestamp: String(seconds), timestampIso: iso, body })[name] ?? '');
    const value = (scheme.prefix ?? '') + createHmac('sha256', key).update(text).digest(scheme.encoding as 'hex' | 'base64');
    return { 'webhook-id': 'evt_1', 'webhook-timestamp': String(seconds), 'x-sent': iso, [scheme.header.toLowerCase()]: scheme.several ? `${value.slice(0, -4)}AAAA ${value}` : value };
  };
  const headers = delivery(at);
  const timed = /\{timestamp\}/.test(scheme.signedText);
  const one = (name: string, genuine: boolean, change: Partial<Case> = {}): Case => ({ name, secret, headers, body, genuine, ...change });
  return [
    one('as sent', true),
    one('another body', false, { body: `${body} ` }),
    one('another secret', false, { secret: scheme.secret === 'whsec' ? 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' : 'another' }),
    one('no signature', false, { headers: { ...headers, [scheme.header.toLowerCase()]: '' } }),
    one('no headers', false, { headers: {} }),
    ...(timed ? [one('an old timestamp', false, { headers: delivery(at - 3600) }), one('no number', false, { headers: { ...headers, 'webhook-timestamp': 'x' } })] : []),
  ];
}

const DRIVERS: Record<Language, { file: string; driver: string; command: string[] }> = {
  node: {
    file: 'sample.mjs',
    driver: `
import { readFileSync } from "node:fs";
for (const one of JSON.parse(readFileSync("cases.json"))) console.log(genuine(one.secret, one.headers, Buffer.from(one.body)));
`,
    command: ['node', 'sample.mjs'],
  },
  python: {
    file: 'sample.py',
    driver: `
import json
for one in json.load(open("cases.json", encoding="utf-8")):
    print(str(genuine(one["secret"], one["headers"], one["body"].encode())).lower())
`,
    command: ['python3', 'sample.py'],
  },
  go: { file: 'sample.go', driver: '', command: ['go', 'run', 'sample.go', 'driver.go'] },
};

const GO_DRIVER = `package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	var cases []struct {
		Secret, Body string
		Headers      map[string]string
	}
	content, _ := os.ReadFile("cases.json")
	if err := json.Unmarshal(content, &cases); err != nil {
		panic(err)
	}
	for _, one := range cases {
		headers := http.Header{}
		for name, value := range one.Headers {
			headers.Set(name, value)
		}
		fmt.Println(genuine(one.Secret, headers, []byte(one.Body)))
	}
}
`;

const installed = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

for (const language of LANGUAGES) {
  const { file, driver, command } = DRIVERS[language];
  test.skipIf(!installed(command[0] ?? '')).each(CONTRACTS.map((one) => one.name))(
    `the sample in ${language} accepts genuine deliveries of %s only`,
    (name) => {
      const contract = CONTRACTS.find((one) => one.name === name);
      if (!contract) throw new Error(name);
      const given = cases(contract);
      writeFileSync(join(directory, file), (sample(language, contract) ?? '') + driver);
      writeFileSync(join(directory, 'driver.go'), GO_DRIVER);
      writeFileSync(join(directory, 'cases.json'), JSON.stringify(given));
      const [program = '', ...rest] = command;
      const run = spawnSync(program, rest, { cwd: directory, encoding: 'utf8' });
      const said = run.stdout.trim().split('\n');
      expect(given.map((one, at) => [one.name, said[at]]), run.stderr).toEqual(given.map((one) => [one.name, String(one.genuine)]));
    },
    60_000,
  );
}

test('the pages show the same lines', () => {
  const bare = (text: string): string[] => text.split('\n').map((line) => line.trim());
  const inner = (code: string | null, first: string): string[] => {
    const lines = bare(code ?? '');
    return lines.slice(lines.findIndex((line) => line.startsWith(first)) + 1).filter((line) => line !== '' && line !== '}');
  };
  for (const name of ['standard', 'kuviq']) {
    const contract = CONTRACTS.find((one) => one.name === name) as SigningContract;
    for (const line of inner(sample('node', contract), 'export function')) expect(bare(page('docs/verifying.md'))).toContain(line);
    for (const line of inner(sample('python', contract), 'def ')) expect(bare(page('README.md'))).toContain(line);
  }
});

test('a contract that signs nothing has no sample', () => {
  expect(sample('node', BUILTIN.find((one) => one.name === 'inspectorio') as SigningContract)).toBeNull();
});
