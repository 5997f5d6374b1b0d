// What a delivery of the contract looks like for an event that is typed here.

import { useId, useState } from 'preact/hooks';

import { preview, PlaceholderError, type Preview, type PreviewContract } from '../../lib/preview';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { readJson } from '../../lib/typed-json';
import { Field } from '../../parts/field';
import { texts } from '../../texts';

const AT = Date.parse('2026-01-31T12:00:00.000Z');
const UUID = '8e6b749a-ef21-807c-bfd5-7ab6a055cdc7';

interface Given {
  type: string;
  data: string;
  context: string;
}

type Outcome = { shown: Preview } | { field: 'data' | 'context' | 'placeholder'; wrong: string };

function render(contract: PreviewContract, given: Given): Outcome {
  const data = readJson(given.data);
  if ('wrong' in data) return { field: 'data', wrong: data.wrong };
  const context = readJson(given.context);
  if ('wrong' in context) return { field: 'context', wrong: context.wrong };
  try {
    const shown = preview(contract, {
      id: 'evt_01KGA5ZKR0P9W7XQ3V4M8N2C6D',
      type: given.type,
      timestamp: new Date(AT).toISOString(),
      tenantId: texts('operator').contracts.preview.tenant,
      webhookId: 'wh_0a1b2c3d4e5f6g7h8j9k',
      uuid: UUID,
      data: data.value,
      context: typeof context.value === 'object' && context.value !== null ? (context.value as Record<string, unknown>) : {},
      at: AT,
    });
    return { shown };
  } catch (thrown) {
    if (thrown instanceof PlaceholderError) return { field: 'placeholder', wrong: thrown.placeholder };
    throw thrown;
  }
}

export function PreviewForm({ contract }: { contract: PreviewContract }) {
  const all = texts('operator').contracts;
  const words = all.preview;
  const [given, setGiven] = useState<Given>({ type: Object.keys(contract.typeNames ?? {})[0] ?? 'item.created', data: '{"id": "item_1", "name": "Crane 4"}', context: '{}' });
  const id = useId();
  const outcome = render(contract, given);
  const wrong = (field: 'data' | 'context'): string | undefined => ('wrong' in outcome && outcome.field === field ? all.badJson(outcome.wrong) : undefined);
  const input = (name: keyof Given) => ({ class: 'mono', spellcheck: false, value: given[name], onInput: (event: { currentTarget: { value: string } }) => setGiven((before) => ({ ...before, [name]: event.currentTarget.value })) });
  return (
    <section class="card stack" aria-labelledby={id}>
      <h2 id={id}>{words.title}</h2>
      <p class="soft">{words.text}</p>
      <div class="preview-fields">
        <div class="stack">
          <Field name="type" label={words.type} required>
            {(attributes) => <input {...attributes} {...input('type')} />}
          </Field>
          <Field name="data" label={words.data} required error={wrong('data')}>
            {(attributes) => <textarea {...attributes} rows={5} {...input('data')} />}
          </Field>
          <Field name="context" label={words.context} error={wrong('context')}>
            {(attributes) => <textarea {...attributes} rows={2} {...input('context')} />}
          </Field>
        </div>
        <div class="stack-small" role="status">
          {'shown' in outcome && <Shown shown={outcome.shown} />}
          {'wrong' in outcome && outcome.field === 'placeholder' && <p class="field-error">{words.placeholder(safeLine(outcome.wrong))}</p>}
        </div>
      </div>
    </section>
  );
}

function Shown({ shown }: { shown: Preview }) {
  const words = texts('operator').contracts.preview;
  const block = (title: string, text: string) => (
    <>
      <h3>{title}</h3>
      <pre tabIndex={0} aria-label={title}>
        {safeBlock(text)}
      </pre>
    </>
  );
  return (
    <>
      {block(words.headers, shown.headers.map(([name, value]) => `${name}: ${value}`).join('\n'))}
      {block(words.body, shown.body)}
      {shown.signedText === undefined ? <p class="soft">{words.unsigned}</p> : block(words.signed, shown.signedText)}
    </>
  );
}
