// Headers as a table. Names and values are a stranger's.

import { safeLine } from '../../lib/safe-text';
import { texts } from '../../texts';

export function HeaderTable({ headers, label, masked }: { headers: [string, string][]; label: string; masked?: string }) {
  const t = texts('delivery');
  if (headers.length === 0) return <p class="soft">{t.noHeaders}</p>;
  return (
    <table class="header-table">
      <caption class="visually-hidden">{label}</caption>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">{t.header}</th>
          <th scope="col">{t.value}</th>
        </tr>
      </thead>
      <tbody>
        {headers.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{safeLine(name)}</th>
            <td>
              {safeLine(value)}
              {masked !== undefined && value.split(', ').includes(masked) && <span class="badge">{t.masked}</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
