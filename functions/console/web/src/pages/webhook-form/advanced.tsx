// What few people need: contract, timeout, delays, headers of one's own.

import { factsOf } from '../../lib/contract-facts';
import { delaysText } from '../../lib/delays';
import { safeLine } from '../../lib/safe-text';
import { Field } from '../../parts/field';
import { Icon } from '../../parts/icon';
import { texts } from '../../texts';
import type { Draft, HeaderDraft } from './draft';

interface Props {
  draft: Draft;
  errors: Record<string, string>;
  /** The contracts that may be chosen; empty if it may not be chosen. */
  contracts: string[];
  onChange: (change: Partial<Draft>) => void;
}

export function Advanced({ draft, errors, contracts, onChange }: Props) {
  const words = texts('webhookForm');
  const facts = factsOf(draft.contract);
  return (
    <details open={Object.keys(errors).some((field) => /^(contract|overrides|headers)/.test(field))}>
      <summary>{words.advanced}</summary>
      <div class="section">
        <Field label={words.contract} name="contract" required help={contracts.length === 0 ? words.contractFixed : words.contractHelp} error={errors['contract']}>
          {(attributes) =>
            contracts.length === 0 ? (
              <input {...attributes} type="text" readOnly value={safeLine(draft.contract)} />
            ) : (
              <select {...attributes} value={draft.contract} onChange={(event) => onChange({ contract: event.currentTarget.value })}>
                {[...new Set([draft.contract, ...contracts])].map((name) => (
                  <option key={name} value={name}>
                    {safeLine(name)}
                  </option>
                ))}
              </select>
            )
          }
        </Field>
        <Field label={words.timeout} name="overrides.timeoutSeconds" help={words.timeoutHelp(facts.timeoutSeconds)} error={errors['overrides.timeoutSeconds']}>
          {(attributes) => <input {...attributes} type="text" inputMode="numeric" autocomplete="off" value={draft.timeout} onInput={(event) => onChange({ timeout: event.currentTarget.value })} />}
        </Field>
        <Field label={words.delays} name="overrides.retryDelaysSeconds" help={words.delaysHelp(facts.retryDelaysSeconds === undefined ? undefined : delaysText(facts.retryDelaysSeconds))} error={errors['overrides.retryDelaysSeconds']}>
          {(attributes) => <input {...attributes} type="text" autocomplete="off" value={draft.delays} onInput={(event) => onChange({ delays: event.currentTarget.value })} />}
        </Field>
        <Headers headers={draft.headers} errors={errors} onChange={(headers) => onChange({ headers })} />
      </div>
    </details>
  );
}

/** The server names a header by its name, the page by its place. */
function errorOf(errors: Record<string, string>, header: HeaderDraft, index: number): string | undefined {
  return errors[`headers.${index}`] ?? (header.name === '' ? undefined : errors[`headers.${header.name}`]);
}

function Headers({ headers, errors, onChange }: { headers: HeaderDraft[]; errors: Record<string, string>; onChange: (headers: HeaderDraft[]) => void }) {
  const words = texts('webhookForm');
  const set = (index: number, change: Partial<HeaderDraft>): void => onChange(headers.map((header, at) => (at === index ? { ...header, ...change } : header)));
  return (
    <fieldset class="stack-small" data-field="headers">
      <legend>{words.headers}</legend>
      <span class="help">{words.headersHelp}</span>
      {headers.map((header, index) => {
        const error = errorOf(errors, header, index);
        const isSet = header.value === undefined;
        return (
          <div class="stack-small" key={index} data-field={`headers.${index}`}>
            <div class="header-row">
              <input type="text" aria-label={words.headerName} placeholder="X-Team" autocomplete="off" spellcheck={false} readOnly={isSet} aria-invalid={error !== undefined || undefined} value={header.name} onInput={(event) => set(index, { name: event.currentTarget.value })} />
              <input
                type="password"
                aria-label={`${words.headerValue} ${safeLine(header.name)}`}
                placeholder={isSet ? words.headerSet : ''}
                autocomplete="off"
                aria-invalid={error !== undefined || undefined}
                value={header.value ?? ''}
                onInput={(event) => set(index, { value: event.currentTarget.value })}
              />
              <button type="button" class="icon-button" aria-label={words.headerRemove(safeLine(header.name))} onClick={() => onChange(headers.filter((_, at) => at !== index))}>
                <Icon name="close" />
              </button>
            </div>
            {error !== undefined && (
              <span class="field-error">
                <Icon name="warn" />
                {error}
              </span>
            )}
          </div>
        );
      })}
      <div>
        <button type="button" class="button" onClick={() => onChange([...headers, { name: '', value: '' }])}>
          {words.headerAdd}
        </button>
      </div>
      {errors['headers'] !== undefined && (
        <span class="field-error">
          <Icon name="warn" />
          {errors['headers']}
        </span>
      )}
    </fieldset>
  );
}
