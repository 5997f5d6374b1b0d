// A status is an icon and a word; the colour only repeats them.

import { safeLine } from '../lib/safe-text';
import { base } from '../texts';
import { Icon, type IconName } from './icon';

export type Tone = 'ok' | 'bad' | 'warn' | 'wait' | 'off';
export type StatusName = keyof ReturnType<typeof base>['status'];

const LOOKS: Record<StatusName, [Tone, IconName]> = {
  active: ['ok', 'ok'],
  inactive: ['off', 'off'],
  disabled: ['bad', 'bad'],
  failing: ['bad', 'warn'],
  slow: ['warn', 'slow'],
  pending: ['wait', 'wait'],
  processing: ['wait', 'dot'],
  completed: ['ok', 'ok'],
  failed: ['bad', 'bad'],
  retrying: ['warn', 'retry'],
  held: ['warn', 'pause'],
  running: ['wait', 'dot'],
  done: ['ok', 'ok'],
  cancelled: ['off', 'off'],
  inbox: ['wait', 'webhooks'],
};

export const isStatus = (name: string): name is StatusName => Object.hasOwn(LOOKS, name);

/** `name` may be one that the page does not know: then it is shown as it is. */
export function Status({ name, word }: { name: string; word?: string }) {
  const [tone, icon] = isStatus(name) ? LOOKS[name] : (['wait', 'dot'] as [Tone, IconName]);
  return (
    <span class={`status tone-${tone}`}>
      <Icon name={icon} />
      {word ?? (isStatus(name) ? base().status[name] : safeLine(name))}
    </span>
  );
}

export function Notice({ tone, icon, role, children, action }: { tone: Tone; icon?: IconName; role?: 'alert' | 'status'; children: preact.ComponentChildren; action?: preact.ComponentChildren }) {
  return (
    <div class={`notice tone-${tone}`} role={role}>
      <Icon name={icon ?? (tone === 'ok' ? 'ok' : tone === 'wait' ? 'wait' : 'warn')} />
      <div class="notice-body">{children}</div>
      {action}
    </div>
  );
}

/** What went wrong, if something did: announced at once. */
export function Wrong({ text }: { text: string | undefined }) {
  return text === undefined ? null : (
    <Notice tone="bad" role="alert">
      {text}
    </Notice>
  );
}
