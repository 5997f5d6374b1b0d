// A copy button, and ids. Where the browser forbids the clipboard (a frame without
// `allow="clipboard-write"`), the text is selected and the page says what to press.

import { useRef, useState } from 'preact/hooks';

import { middle, safeLine } from '../lib/safe-text';
import { base } from '../texts';
import { Hinted } from './hint';
import { Icon } from './icon';
import { alarm, say } from './toast';

export async function copyText(text: string, fallback?: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (fallback instanceof HTMLInputElement || fallback instanceof HTMLTextAreaElement) {
      fallback.focus();
      fallback.select();
    } else if (fallback !== undefined && fallback !== null) {
      const range = document.createRange();
      range.selectNodeContents(fallback);
      const selection = getSelection();
      selection?.removeAllRanges();
      selection?.addRange(range);
    }
    return false;
  }
}

export interface CopyProps {
  text: string;
  /** What is copied, for the button's name. */
  what: string;
  /** Selected where the clipboard is forbidden. */
  target?: { current: HTMLElement | null };
  /** With the word beside the icon. */
  word?: boolean;
  onCopied?: () => void;
  /** The text has to be copied by hand: a hidden one has to be shown first. */
  onByHand?: () => void;
}

export function Copy({ text, what, target, word, onCopied, onByHand }: CopyProps) {
  const own = useRef<HTMLSpanElement>(null);
  const [selected, setSelected] = useState(false);
  const words = base().words;
  const name = words.copyNamed(safeLine(what));
  const copy = async (): Promise<void> => {
    // The text is in the page only from here on, and seen only if it has to be copied by hand.
    if (own.current !== null) own.current.textContent = text;
    if (await copyText(text, target?.current ?? own.current)) {
      if (own.current !== null) own.current.textContent = '';
      setSelected(false);
      say(words.copied);
      onCopied?.();
    } else {
      setSelected(target === undefined);
      onByHand?.();
      alarm(words.copyByHand);
    }
  };
  return (
    <>
      <button type="button" class={word === true ? 'button' : 'icon-button'} aria-label={word === true ? undefined : name} onClick={() => void copy()}>
        <Icon name="copy" />
        {word === true && name}
      </button>
      {target === undefined && <span ref={own} class={selected ? 'mono' : 'visually-hidden'} aria-hidden={!selected} />}
    </>
  );
}

/** A short id; the whole on hover, on focus, and by the button. */
export function Id({ id, what, max = 16 }: { id: string; what: string; max?: number }) {
  return (
    <span class="nowrap">
      <Hinted class="mono" hint={safeLine(id)}>
        {middle(safeLine(id), max)}
      </Hinted>
      <Copy text={id} what={what} />
    </span>
  );
}
