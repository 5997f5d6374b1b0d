// A dialog for a decision. The browser's own <dialog> keeps the focus inside and gives it back.

import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { asError } from '../api/problem';
import { open as openCount } from '../lib/refresh';
import { base } from '../texts';
import { Icon } from './icon';
import { sentence } from './state';
import { dialogs, Toasts } from './toast';

export interface DialogProps {
  title: preact.ComponentChildren;
  /** Asked by Escape and by the close button. The caller takes the dialog away, or does not. */
  onClose: () => void;
  children: preact.ComponentChildren;
  /** The buttons. */
  foot?: preact.ComponentChildren;
  wide?: boolean;
  /** `alertdialog` for a decision that loses something. */
  role?: 'alertdialog';
  /** No close button: only the buttons of `foot` end it. */
  plain?: boolean;
}

export function Dialog({ title, onClose, children, foot, wide, role, plain }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [level] = useState(() => dialogs.value + 1);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    openCount.value += 1;
    dialogs.value += 1;
    if (element !== null && !element.open) {
      element.showModal();
      element.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    }
    return () => {
      openCount.value -= 1;
      dialogs.value -= 1;
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide === true ? 'dialog wide' : 'dialog'}
      role={role}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => {
        // Chromium closes a dialog at the second Escape whatever `cancel` says.
        if (event.key !== 'Escape' || event.defaultPrevented) return;
        event.preventDefault();
        onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        {plain !== true && (
          <button type="button" class="icon-button" aria-label={base().words.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <div class="dialog-body">{children}</div>
      {foot !== undefined && <div class="dialog-foot">{foot}</div>}
      <Toasts level={level} />
    </dialog>
  );
}

export interface ConfirmProps {
  title: string;
  children: preact.ComponentChildren;
  /** A verb with its object. */
  action: string;
  danger?: boolean;
  busy?: boolean;
  error?: string;
  /** If it fails, the dialog stays open and says so. */
  onConfirm: () => void | Promise<void>;
  onClose: () => void;
  cancel?: string;
}

/** The focus begins on Cancel. */
export function Confirm({ title, children, action, danger = true, busy = false, error, onConfirm, onClose, cancel }: ConfirmProps) {
  const [working, setWorking] = useState(false);
  const [failed, setFailed] = useState<string>();
  const confirm = async (): Promise<void> => {
    if (busy || working) return;
    setWorking(true);
    setFailed(undefined);
    try {
      await onConfirm();
    } catch (thrown) {
      setFailed(sentence(asError(thrown)));
    }
    setWorking(false);
  };
  const wrong = error ?? failed;
  return (
    <Dialog
      title={title}
      role="alertdialog"
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" data-autofocus onClick={onClose}>
            {cancel ?? base().words.cancel}
          </button>
          <button type="button" class={danger ? 'button danger' : 'button primary'} aria-disabled={busy || working} onClick={() => void confirm()}>
            {action}
          </button>
        </>
      }
    >
      {children}
      {wrong !== undefined && (
        <p class="field-error" role="alert">
          <Icon name="warn" />
          {wrong}
        </p>
      )}
    </Dialog>
  );
}
