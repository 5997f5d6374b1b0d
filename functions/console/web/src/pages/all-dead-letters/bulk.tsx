// Puts back or deletes one dead letter or many, one after the other, and says how far it came.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError } from '../../api/problem';
import { Confirm } from '../../parts/dialog';
import { sentence } from '../../parts/state';
import { say } from '../../parts/toast';
import { texts } from '../../texts';
import { meaning, nameOf, type DeadLetter } from '.';

export type Act = 'redrive' | 'remove';

interface Props {
  act: Act;
  letters: DeadLetter[];
  onClose: () => void;
  onDone: (letters: DeadLetter[]) => void;
}

const LISTED = 5;

export function Bulk({ act, letters, onClose, onDone }: Props) {
  const words = texts('operator').deadLetters;
  const [left, setLeft] = useState(() => (act === 'remove' ? letters : letters.filter((one) => one.redrivenAt === undefined && one.erasedAt === undefined)));
  const [all] = useState(left.length);
  const [progress, setProgress] = useState<number | null>(null);
  const [error, setError] = useState<string | undefined>();
  const run = async (): Promise<void> => {
    setError(undefined);
    const done: DeadLetter[] = [];
    let gone = 0;
    try {
      for (const one of left) {
        setProgress(all - left.length + done.length);
        const params = { path: { deadLetterId: one.id } };
        try {
          await take(act === 'remove' ? api.DELETE('/v1/dead-letters/{deadLetterId}', { params }) : api.POST('/v1/dead-letters/{deadLetterId}/redrive', { params }));
        } catch (thrown) {
          // Redriven and delivered meanwhile, or deleted by somebody else.
          if (asError(thrown).status !== 404) throw thrown;
          gone += 1;
        }
        done.push(one);
      }
      const made = all - gone;
      say([made > 0 || gone === 0 ? (act === 'remove' ? words.deleted(made) : words.done(made)) : '', gone > 0 ? words.gone(gone) : ''].join(' ').trim());
      onDone(done);
      onClose();
    } catch (thrown) {
      const rest = left.slice(done.length);
      onDone(done);
      setLeft(rest);
      setProgress(null);
      setError(words.partly(all - rest.length, all, sentence(asError(thrown))));
    }
  };
  const busy = progress !== null;
  return (
    <Confirm
      title={act === 'remove' ? words.removeTitle(all) : words.redriveMany(all)}
      action={act === 'remove' ? words.removeMany(left.length) : words.redriveMany(left.length)}
      danger={act === 'remove'}
      busy={busy || left.length === 0}
      error={error}
      onConfirm={() => void run()}
      onClose={() => !busy && onClose()}
    >
      {act === 'remove' && <p>{words.removeText}</p>}
      <ul>
        {left.slice(0, LISTED).map((one) => (
          <li key={one.id}>
            {nameOf(one)}: {meaning(one)}
          </li>
        ))}
        {left.length > LISTED && <li>…</li>}
      </ul>
      <p role="status">{busy && words.working(progress, all)}</p>
    </Confirm>
  );
}
