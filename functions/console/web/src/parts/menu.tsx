// A button with a menu: arrows move, Escape closes and returns, a click elsewhere closes.

import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { open as openCount } from '../lib/refresh';

export interface MenuItem {
  label: preact.ComponentChildren;
  /** A link, or an action. */
  href?: string;
  onSelect?: () => void;
  danger?: boolean;
  checked?: boolean;
}

export interface MenuProps {
  /** The button's name, if its content is only an icon. */
  label?: string;
  button: preact.ComponentChildren;
  buttonClass?: string;
  items: MenuItem[];
  /** A line above the items. */
  note?: preact.ComponentChildren;
  /** Opens to the side of the text's end. */
  start?: boolean;
  hint?: string;
  /** Opens under the pointer, too. */
  hover?: boolean;
}

export function Menu({ label, button, buttonClass = 'icon-button', items, note, start, hint, hover }: MenuProps) {
  const [opened, setOpened] = useState<'asked' | 'hovered' | null>(null);
  const isOpen = opened !== null;
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();

  const entries = (): HTMLElement[] => [...(list.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])];
  const close = (focus: boolean): void => {
    setOpened(null);
    if (focus) box.current?.querySelector('button')?.focus();
  };

  useLayoutEffect(() => {
    if (!isOpen || list.current === null) return undefined;
    const { classList, style } = list.current;
    const at = list.current.getBoundingClientRect();
    classList.toggle('up', at.bottom > innerHeight - 8 && at.height < at.top);
    classList.toggle('start', start === true);
    // Aside, as far as the window has no room.
    const { left, right } = list.current.getBoundingClientRect();
    style.translate = `${Math.max(8 - left, Math.min(0, innerWidth - 8 - right))}px`;
    openCount.value += 1;
    return () => {
      openCount.value -= 1;
    };
  }, [isOpen]);
  // A menu that came by itself leaves the focus where it is.
  useLayoutEffect(() => {
    if (opened === 'asked') entries()[0]?.focus();
  }, [opened]);
  useEffect(() => {
    if (!isOpen) return undefined;
    const away = (event: PointerEvent): void => {
      if (event.target instanceof Node && box.current?.contains(event.target) !== true) close(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && opened === 'hovered') close(false);
    };
    document.addEventListener('pointerdown', away);
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('pointerdown', away);
      document.removeEventListener('keydown', escape);
    };
  }, [opened]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all[(to + all.length) % all.length]?.focus();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      close(true);
    } else if (event.key === 'Tab') close(false);
    else if (event.key.length === 1) {
      const wanted = event.key.toLowerCase();
      const turn = [...all.slice(at + 1), ...all.slice(0, at + 1)];
      turn.find((entry) => entry.textContent?.trim().toLowerCase().startsWith(wanted))?.focus();
    }
  };
  return (
    <div
      class={hover === true ? 'menu by-hover' : 'menu'}
      ref={box}
      onPointerEnter={(event) => hover === true && event.pointerType === 'mouse' && opened === null && setOpened('hovered')}
      onPointerLeave={() => opened === 'hovered' && setOpened(null)}
    >
      <button
        type="button"
        class={buttonClass}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        data-hint={hint}
        onClick={() => setOpened(opened === 'asked' ? null : 'asked')}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown' || isOpen) return;
          event.preventDefault();
          setOpened('asked');
        }}
      >
        {button}
      </button>
      {isOpen && (
        <ul class="menu-list" role="menu" id={id} ref={list} aria-label={label} onKeyDown={onKeyDown}>
          {note !== undefined && (
            <li role="presentation" class="menu-note">
              {note}
            </li>
          )}
          {items.map((item, index) => (
            <li role="none" key={index}>
              {item.href !== undefined ? (
                <a class="menu-item" role="menuitem" tabIndex={-1} href={item.href} onClick={() => close(false)}>
                  {item.label}
                </a>
              ) : (
                <button
                  type="button"
                  class={item.danger === true ? 'menu-item danger' : 'menu-item'}
                  role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
                  aria-checked={item.checked}
                  tabIndex={-1}
                  onClick={() => {
                    close(true);
                    item.onSelect?.();
                  }}
                >
                  {item.label}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
