// A secret, shown once. It cannot be closed by accident: leaving asks.

import { useRef, useState } from 'preact/hooks';

import { useUnsaved } from '../../lib/leave';
import { Copy } from '../../parts/copy';
import { Dialog } from '../../parts/dialog';
import { Field } from '../../parts/field';
import { SecretInput } from '../../parts/secret-input';
import { Notice } from '../../parts/status';
import { texts } from '../../texts';

export function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
  const words = texts('webhook').secret;
  const [shown, setShown] = useState(false);
  const [asking, setAsking] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useUnsaved(true);
  // A browser copies nothing out of a hidden field.
  const byHand = (): void => {
    setShown(true);
    requestAnimationFrame(() => input.current?.select());
  };
  return (
    <Dialog
      title={words.title}
      plain
      onClose={() => setAsking(true)}
      foot={
        asking ? (
          <>
            <button type="button" class="button danger" onClick={onClose}>
              {words.leave}
            </button>
            <button type="button" class="button" onClick={() => setAsking(false)}>
              {words.stay}
            </button>
          </>
        ) : (
          <button type="button" class="button primary" onClick={onClose}>
            {words.stored}
          </button>
        )
      }
    >
      <p>{words.text}</p>
      <Field label={words.label} name="shown-secret" shown>
        {({ id }) => <SecretInput id={id} inputRef={input} shown={shown} value={secret} readOnly />}
      </Field>
      <div class="row">
        <Copy text={secret} what={words.label} target={input} word onByHand={byHand} />
        <button type="button" class="button" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? words.hide : words.reveal}
        </button>
      </div>
      {asking && (
        <Notice tone="warn" role="alert">
          {words.ask}
        </Notice>
      )}
    </Dialog>
  );
}
