// All texts of the page, in one language at a time. `en.ts` gives the type: a text that another
// language lacks does not compile. The frame's part comes with the page, each page's part with
// that page.

import { recall, remember } from '../lib/store';
import type { Base, Part, Parts } from './en';

export type Language = 'en' | 'de';
export const LANGUAGES: Record<Language, string> = { en: 'English', de: 'Deutsch' };
const STORED = 'postel.language';

interface Catalogue {
  base: Base;
  parts: { [Name in Part]: () => Promise<Parts[Name]> };
}

function chosen(): { language: Language; pseudo: boolean } {
  const asked = new URLSearchParams(location.search).get('lang');
  if (asked === 'pseudo') return { language: 'en', pseudo: true };
  const wishes = [asked, recall('localStorage', STORED), ...navigator.languages];
  const found = wishes.map((wish) => wish?.slice(0, 2).toLowerCase()).find((wish): wish is Language => wish !== undefined && wish in LANGUAGES);
  return { language: found ?? 'en', pseudo: false };
}

export const { language, pseudo } = chosen();

let catalogue: Catalogue | undefined;
const loaded: Partial<Record<Part, unknown>> = {};

/** Tables without a prototype: a code from elsewhere, as `constructor`, finds no text. */
function bare<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(bare);
  return Array.isArray(value) ? value : Object.setPrototypeOf(value, null);
}

async function shape<T>(value: T): Promise<T> {
  return bare(pseudo ? (await import('./pseudo')).pseudo(value) : value);
}

/** Loads the frame's texts. */
export async function loadTexts(): Promise<void> {
  const { base, parts } = language === 'de' ? await import('./de') : await import('./en');
  catalogue = { base: await shape(base), parts };
  document.documentElement.lang = language;
}

/** Loads a page's texts. */
export async function loadPart(name: Part): Promise<void> {
  if (catalogue === undefined) await loadTexts();
  loaded[name] ??= await shape(await catalogue?.parts[name]());
}

/** The frame's texts. */
export function base(): Base {
  if (catalogue === undefined) throw new Error('The texts are not loaded.');
  return catalogue.base;
}

/** A page's texts. The router loads them with the page, see `app.tsx`. */
export function texts<Name extends Part>(name: Name): Parts[Name] {
  const part = loaded[name];
  if (part === undefined) throw new Error(`The page does not load the texts "${name}".`);
  return part as Parts[Name];
}

/** Another language, from the top. */
export function changeLanguage(to: Language): void {
  remember('localStorage', STORED, to);
  const url = new URL(location.href);
  url.searchParams.delete('lang');
  if (url.href === location.href) location.reload();
  else location.replace(url);
}

/** Numbers and dates as the language writes them. */
export const locale = (): string => (language === 'de' ? 'de-DE' : navigator.languages.find((wish) => wish.startsWith('en')) ?? 'en-GB');
