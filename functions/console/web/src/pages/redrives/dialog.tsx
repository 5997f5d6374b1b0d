// Chooses dead letters, counts them, and only then starts the job.

import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { asError } from '../../api/problem';
import { DELIVERY_REASONS, estimate, type RedriveChoice, type RedriveEstimate, startRedrive } from '../../lib/dead-letters';
import { short } from '../../lib/explanations';
import { instantOf, localOf, mistakeOf, NO_FILTER } from '../../lib/list-filter';
import type { TypeNames, WebhookNames } from '../../lib/names';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { span } from '../../lib/time';
import { Dialog } from '../../parts/dialog';
import { Field } from '../../parts/field';
import { sentence } from '../../parts/state';
import { Notice, Wrong } from '../../parts/status';
import { base, locale, texts } from '../../texts';

const DEFAULT_RATE = 50;
const MAX_RATE = 500;

interface RedriveDialogProps {
  names: WebhookNames;
  types: TypeNames;
  /** What is chosen at the beginning. */
  begin: RedriveChoice;
  onClose: () => void;
  onStarted: (redriveId: string) => void;
}

const local = (time: string | undefined): string => (time === undefined ? '' : localOf(new Date(time)));

export function RedriveDialog({ names, types, begin, onClose, onStarted }: RedriveDialogProps) {
  const t = texts('redrives').form;
  const log = texts('log').filter;
  const failures = texts('failures');
  const { id: tenantId } = useTenant();
  const list = useId();
  const [form, setForm] = useState({
    webhookId: begin.webhookId ?? '',
    type: begin.type ?? '',
    reason: begin.reason ?? '',
    from: local(begin.since),
    to: local(begin.until),
    rate: String(DEFAULT_RATE),
  });
  const [counted, setCounted] = useState<{ of: string; result: RedriveEstimate } | null>(null);
  const [busy, setBusy] = useState<'count' | 'start' | null>(null);
  const [error, setError] = useState<string | undefined>();
  const leaving = useRef(new AbortController());
  useEffect(() => () => leaving.current.abort(), []);

  const rate = Number(form.rate);
  const goodRate = /^\d+$/.test(form.rate.trim()) && rate >= 1 && rate <= MAX_RATE;
  const mistake = mistakeOf({ ...NO_FILTER, type: form.type.trim(), range: 'custom', from: form.from, to: form.to });
  const given = (value: string): string | undefined => (value === '' ? undefined : value);
  const choice: RedriveChoice = {
    webhookId: given(form.webhookId),
    type: given(form.type.trim()),
    reason: given(form.reason),
    since: instantOf(form.from),
    until: instantOf(form.to),
  };
  const chosen = JSON.stringify(choice);
  const known = counted !== null && counted.of === chosen ? counted.result : undefined;
  const ready = known !== undefined && (known.count > 0 || !known.complete) && goodRate;
  const change = (part: Partial<typeof form>): void => setForm((before) => ({ ...before, ...part }));

  const act = async (what: 'count' | 'start', task: () => Promise<void>): Promise<void> => {
    if (busy !== null) return;
    setBusy(what);
    setError(undefined);
    try {
      await task();
    } catch (thrown) {
      if (!leaving.current.signal.aborted) setError(sentence(asError(thrown)));
    } finally {
      setBusy(null);
    }
  };
  const count = (): Promise<void> =>
    act('count', async () => {
      const result = await estimate(tenantId, choice, leaving.current.signal);
      setCounted({ of: chosen, result });
    });
  const start = (): Promise<void> => act('start', async () => onStarted((await startRedrive(tenantId, choice, rate)).id));
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    if (mistake === undefined) void count();
  };

  return (
    <Dialog
      title={t.title}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" form={list} class={ready ? 'button' : 'button primary'} aria-disabled={busy !== null || mistake !== undefined}>
            {busy === 'count' ? t.counting : t.count}
          </button>
          <button type="button" class={ready ? 'button primary' : 'button'} aria-disabled={!ready || busy !== null} onClick={() => ready && void start()}>
            {busy === 'start' ? t.starting : t.start}
          </button>
        </>
      }
    >
      <p>{t.lead}</p>
      <form id={list} class="stack" onSubmit={onSubmit}>
        <Field label={t.webhook} name="webhookId">
          {(attributes) => (
            <select {...attributes} value={form.webhookId} onChange={(event) => change({ webhookId: event.currentTarget.value })} data-autofocus>
              <option value="">{t.anyWebhook}</option>
              {names.all.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
              {form.webhookId !== '' && !names.all.some(({ id }) => id === form.webhookId) && (
                <option value={form.webhookId}>{log.removedWebhook(safeLine(form.webhookId))}</option>
              )}
            </select>
          )}
        </Field>
        <div class="form-pair">
          <Field label={t.type} name="type" error={mistake === 'type' ? log.badType : undefined}>
            {(attributes) => (
              <>
                <input
                  {...attributes}
                  type="text"
                  list={`${list}-types`}
                  maxLength={258}
                  autocomplete="off"
                  spellcheck={false}
                  placeholder={log.typeHint}
                  value={form.type}
                  onInput={(event) => change({ type: event.currentTarget.value })}
                />
                <datalist id={`${list}-types`}>
                  {types.all.map((type) => (
                    <option key={type} value={type} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          <Field label={t.reason} name="reason">
            {(attributes) => (
              <select {...attributes} value={form.reason} onChange={(event) => change({ reason: event.currentTarget.value })}>
                <option value="">{t.anyReason}</option>
                {DELIVERY_REASONS.map((reason) => (
                  <option key={reason} value={reason}>
                    {short(failures, reason)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t.from} name="since">
            {(attributes) => (
              <input {...attributes} type="datetime-local" value={form.from} onChange={(event) => change({ from: event.currentTarget.value })} />
            )}
          </Field>
          <Field label={t.to} name="until" error={mistake === 'times' ? log.badTimes : undefined}>
            {(attributes) => <input {...attributes} type="datetime-local" value={form.to} onChange={(event) => change({ to: event.currentTarget.value })} />}
          </Field>
        </div>
        <Field label={t.rate} name="ratePerSecond" help={t.rateHelp} error={goodRate ? undefined : t.badRate} required>
          {(attributes) => (
            <input
              {...attributes}
              type="number"
              min={1}
              max={MAX_RATE}
              step={1}
              inputMode="numeric"
              value={form.rate}
              onInput={(event) => change({ rate: event.currentTarget.value })}
            />
          )}
        </Field>
      </form>
      <div role="status">
        {known !== undefined ? (
          <Notice tone={known.count === 0 && known.complete ? 'off' : 'wait'} icon="dead">
            <strong>
              {known.complete ? t.counted(known.count, known.count.toLocaleString(locale())) : t.countedMore(known.count.toLocaleString(locale()))}
            </strong>
            {ready && known.complete && <p>{t.takes(span(Math.ceil(known.count / rate), base().time))}</p>}
          </Notice>
        ) : (
          counted !== null && <p class="soft">{t.changed}</p>
        )}
      </div>
      <Wrong text={error} />
    </Dialog>
  );
}
