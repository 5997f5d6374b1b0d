// Light, dark, or as the system. Set by CSSOM and attributes only: the page has no inline style.

import { effect, signal } from '@preact/signals';

import { recall, remember } from './store';

export type Theme = 'auto' | 'light' | 'dark';
const STORED = 'postel.theme';

const isTheme = (value: string | null): value is Theme => value === 'auto' || value === 'light' || value === 'dark';
const asked = (): Theme => {
  const wishes = [new URLSearchParams(location.search).get('theme'), recall('localStorage', STORED)];
  return wishes.find(isTheme) ?? 'auto';
};

export const theme = signal<Theme>('auto');
/** What the system has, or what was chosen. */
export const dark = signal(false);

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
function luminance(hex: string): number {
  const channel = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function mixed(hex: string, towards: number, share: number): string {
  const parts = [1, 3, 5].map((at) => Math.round(Number.parseInt(hex.slice(at, at + 2), 16) * (1 - share) + towards * share));
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** The accent, darkened or lightened until its contrast with `ground` is 4.5:1. */
export function readable(accent: string, ground: string): string {
  const towards = luminance(ground) > 0.4 ? 0 : 255;
  for (let share = 0; share <= 1; share += 0.05) {
    const candidate = mixed(accent, towards, share);
    if (contrast(candidate, ground) >= 4.5) return candidate;
  }
  return towards === 0 ? '#000000' : '#ffffff';
}

/** `#rgb` and `#rrggbb` only: whatever else an operator or a link gives is not a colour here. */
export function colour(text: string | null | undefined): string | undefined {
  const hex = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text ?? '')?.[1]?.toLowerCase();
  if (hex === undefined) return undefined;
  return hex.length === 3 ? `#${[...hex].map((char) => char + char).join('')}` : `#${hex}`;
}

/** The operator's accent, if the page has one. */
export const accent = signal<string | undefined>(undefined);

export function startTheme(): void {
  theme.value = asked();
  accent.value = colour(new URLSearchParams(location.search).get('accent') ?? document.querySelector('meta[name="postel-accent"]')?.getAttribute('content'));
  const system = matchMedia('(prefers-color-scheme: dark)');
  const systemDark = signal(system.matches);
  system.addEventListener('change', () => (systemDark.value = system.matches));
  effect(() => {
    dark.value = theme.value === 'dark' || (theme.value === 'auto' && systemDark.value);
    const root = document.documentElement;
    root.dataset['theme'] = dark.value ? 'dark' : 'light';
    if (accent.value === undefined) return;
    const [ground, other] = dark.value ? ['#282623', '#12203a'] : ['#f3f1ed', '#ffffff'];
    const safe = readable(accent.value, ground);
    root.style.setProperty('--accent', safe);
    root.style.setProperty('--focus', safe);
    root.style.setProperty('--accent-text', contrast(safe, other) >= 4.5 ? other : contrast(safe, '#000000') > contrast(safe, '#ffffff') ? '#000000' : '#ffffff');
  });
}

export function nextTheme(): void {
  const order: Theme[] = ['auto', 'light', 'dark'];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length] ?? 'auto';
  remember('localStorage', STORED, theme.value);
}
