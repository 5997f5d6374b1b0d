// Bars or lines in SVG, with a legend in words and the same numbers in a table.

import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { labelled, niceMax, runsOf, stack } from '../lib/scale';
import './chart.css';

/** `good`, `bad`, `warn`, `wait`, `busy` for states; `one`, `two` for anything else. */
export type Tone = 'good' | 'bad' | 'warn' | 'wait' | 'busy' | 'one' | 'two';

export interface Series {
  key: string;
  label: string;
  tone: Tone;
}

export interface Row {
  /** What the axis says, and what the table says. */
  label: string;
  full: string;
  /** In the series' order; null where there is nothing to show. */
  values: (number | null)[];
}

interface Props {
  kind: 'bars' | 'lines';
  title: string;
  series: readonly Series[];
  rows: readonly Row[];
  format: (value: number) => string;
  texts: { table: string; time: string; empty: string };
}

const HEIGHT = 160;
const LEFT = 44;
const FOOT = 20;
const TOP = 8;

export function Chart({ kind, title, series, rows, format, texts }: Props) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    if (frame.current === null) return undefined;
    const seen = new ResizeObserver(([entry]) => entry && setWidth(Math.max(200, Math.floor(entry.contentRect.width))));
    seen.observe(frame.current);
    return () => seen.disconnect();
  }, []);
  const nothing = rows.every((row) => row.values.every((value) => value === null || value === 0));
  return (
    <figure class="chart" aria-labelledby={`${id}-title`}>
      <figcaption id={`${id}-title`}>{title}</figcaption>
      <div ref={frame} class="chart-frame">
        {nothing ? <p class="chart-empty">{texts.empty}</p> : <Drawing {...{ kind, series, rows, format, width, id }} />}
      </div>
      {!nothing && <Legend series={series} id={id} />}
      {!nothing && (
        <details class="chart-table">
          <summary>{texts.table}</summary>
          <div class="chart-scroll" tabIndex={0} role="region" aria-labelledby={`${id}-title`}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{texts.time}</th>
                  {series.map((one) => (
                    <th key={one.key} scope="col" class="number">{one.label}</th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.full}>
                    <th scope="row">{row.full}</th>
                    {row.values.map((value, at) => (
                      <td key={series[at]?.key} class="number">{value === null ? '–' : format(value)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </figure>
  );
}

function Legend({ series, id }: { series: readonly Series[]; id: string }) {
  return (
    <ul class="chart-legend">
      {series.map((one) => (
        <li key={one.key}>
          <svg width="14" height="14" aria-hidden="true">
            <Hatch id={`${id}-legend-${one.key}`} tone={one.tone} />
            <rect width="14" height="14" rx="2" class={`fill-${one.tone}`} />
            <rect width="14" height="14" rx="2" fill={`url(#${id}-legend-${one.key})`} />
          </svg>
          {one.label}
        </li>
      ))}
    </ul>
  );
}

/** Failures are hatched, waiting ones dotted: the colour is never the only difference. */
function Hatch({ id, tone }: { id: string; tone: Tone }) {
  return (
    <defs>
      <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse">
        {tone === 'bad' && <path d="M-1 7 7 -1M-1 1 1 -1M5 7 7 5" class="chart-hatch" />}
        {tone === 'wait' && <circle cx="3" cy="3" r="1" class="chart-dot" />}
        {tone === 'warn' && <path d="M3 0V6" class="chart-hatch" />}
        {tone === 'two' && <path d="M0 3H6" class="chart-hatch" />}
      </pattern>
    </defs>
  );
}

interface DrawingProps extends Pick<Props, 'kind' | 'series' | 'rows' | 'format'> {
  width: number;
  id: string;
}

function Drawing({ kind, series, rows, format, width, id }: DrawingProps) {
  const inner = width - LEFT;
  const column = inner / Math.max(rows.length, 1);
  const high = rows.map((row) => (kind === 'bars' ? (stack(row.values).at(-1)?.[1] ?? 0) : Math.max(...row.values.map((value) => value ?? 0))));
  const max = niceMax(Math.max(...high, 0));
  const y = (value: number): number => TOP + (1 - value / max) * (HEIGHT - TOP - FOOT);
  const isLabelled = labelled(rows.length, inner, 52);
  return (
    <svg width={width} height={HEIGHT} role="img" aria-labelledby={`${id}-title`}>
      {series.map((one) => (
        <Hatch key={one.key} id={`${id}-${one.key}`} tone={one.tone} />
      ))}
      {[0, max / 2, max].map((value) => (
        <g key={value}>
          <line x1={LEFT} x2={width} y1={y(value)} y2={y(value)} class="chart-grid" />
          {Number.isInteger(value) && (
            <text x={LEFT - 6} y={y(value) + 4} class="chart-label" text-anchor="end">{format(value)}</text>
          )}
        </g>
      ))}
      {kind === 'bars' ? <Bars {...{ series, rows, column, y, id }} /> : <Lines {...{ series, rows, column, y }} />}
      {rows.map((row, at) => (
        <g key={row.full}>
          {isLabelled(at) && <text x={LEFT + at * column + 1} y={HEIGHT - 4} class="chart-label">{row.label}</text>}
          <rect x={LEFT + at * column} y={TOP} width={column} height={HEIGHT - TOP - FOOT} class="chart-target">
            <title>{[row.full, ...series.map((one, index) => `${one.label}: ${row.values[index] === null ? '–' : format(row.values[index] ?? 0)}`)].join('\n')}</title>
          </rect>
        </g>
      ))}
    </svg>
  );
}

interface MarkProps {
  series: readonly Series[];
  rows: readonly Row[];
  column: number;
  y: (value: number) => number;
}

function Bars({ series, rows, column, y, id }: MarkProps & { id: string }) {
  const gap = column > 8 ? 2 : 0.5;
  return (
    <g>
      {rows.flatMap((row, at) =>
        stack(row.values).map(([from, to], index) => {
          const one = series[index];
          if (one === undefined || to === from) return null;
          const box = { x: LEFT + at * column + gap / 2, y: y(to), width: Math.max(column - gap, 0.5), height: Math.max(y(from) - y(to), 1) };
          return (
            <g key={`${row.full} ${one.key}`}>
              <rect {...box} class={`fill-${one.tone}`} />
              <rect {...box} fill={`url(#${id}-${one.key})`} />
            </g>
          );
        }),
      )}
    </g>
  );
}

function Lines({ series, rows, column, y }: MarkProps) {
  return (
    <g>
      {series.map((one, index) =>
        runsOf(rows.map((row) => row.values[index] ?? null)).map((run) => {
          const points = run.map(({ at, value }) => `${LEFT + (at + 0.5) * column},${y(value)}`);
          return (
            <g key={`${one.key} ${run[0]?.at}`} class={`line-${one.tone}`}>
              <polyline points={points.join(' ')} />
              {run.length === 1 && <circle cx={points[0]?.split(',')[0]} cy={points[0]?.split(',')[1]} r="2.5" />}
            </g>
          );
        }),
      )}
    </g>
  );
}
