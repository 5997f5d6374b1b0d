// What happened, in its order. An entry that has more to show is a button.

import type { ComponentChildren } from 'preact';

import './timeline.css';
import { Icon, type IconName } from './icon';
import type { Tone } from './status';

export interface TimelineEntry {
  id: string;
  title: ComponentChildren;
  at?: ComponentChildren;
  /** One line. */
  detail?: ComponentChildren;
  tone: Tone;
  icon: IconName;
  onSelect?: () => void;
  selected?: boolean;
}

export function Timeline({ label, entries }: { label: string; entries: TimelineEntry[] }) {
  return (
    <ol class="timeline" aria-label={label}>
      {entries.map(({ id, title, at, detail, tone, icon, onSelect, selected }) => {
        const head = (
          <span class="timeline-title">
            {title}
            {detail !== undefined && <span class="timeline-detail">{detail}</span>}
          </span>
        );
        return (
          <li key={id} class={`timeline-entry${selected === true ? ' is-selected' : ''}`}>
            <span class={`timeline-dot tone-${tone}`}>
              <Icon name={icon} />
            </span>
            <span class="timeline-body">
              {onSelect === undefined ? (
                head
              ) : (
                <button type="button" aria-pressed={selected === true} onClick={onSelect}>
                  {head}
                </button>
              )}
              {at !== undefined && <span class="timeline-at soft small">{at}</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
