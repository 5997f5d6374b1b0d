// Icons of 16 px, drawn here: no font, no file. An icon never stands without a word or a name.

const PATHS = {
  ok: 'M3 8.5l3.2 3.2L13 4.5',
  bad: 'M4 4l8 8M12 4l-8 8',
  warn: 'M8 2.5L14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1',
  wait: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 5v3.2l2.2 1.4',
  retry: 'M13 8a5 5 0 11-1.5-3.6M13 2v3h-3',
  off: 'M8 2a6 6 0 100 12A6 6 0 008 2zM5.5 8h5',
  slow: 'M3 5h10M3 8h7M3 11h4',
  dot: 'M8 4.5a3.5 3.5 0 100 7 3.5 3.5 0 000-7z',
  search: 'M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.4 10.4L14 14',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5v9l7-4.5z',
  theme: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 2v12M10.5 3v10M13 5.5v5',
  more: 'M8 3.4v.2M8 7.9v.2M8 12.4v.2',
  down: 'M4 6.5l4 4 4-4',
  back: 'M10 3.5L5.5 8l4.5 4.5',
  copy: 'M5.5 5.5h7v8h-7zM10.5 5.5v-3h-7v8h2',
  close: 'M4 4l8 8M12 4l-8 8',
  webhooks: 'M3 4h10v8H3zM3 4l5 4.5L13 4',
  log: 'M3 3.5h10M3 6.5h10M3 9.5h10M3 12.5h6',
  events: 'M9 2L3.5 9H8l-1 5 5.5-7H8z',
  dead: 'M2.5 9h3l1 2h3l1-2h3M2.5 9v4h11V9l-2-6h-7z',
  user: 'M8 2.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5zM3 13.5c.6-2.7 2.5-4 5-4s4.4 1.3 5 4',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  plus: 'M8 3v10M3 8h10',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
