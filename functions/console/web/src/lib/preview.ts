// What a delivery of a contract looks like, for a sample event. It follows the rules of
// `functions/domain/src/contract/envelope.rs`; the test compares it with the recorded examples.

export interface PreviewContract {
  envelope?: unknown;
  signature?: { header: string; prefix?: string; encoding: string; signedText: string };
  headers?: Record<string, string>;
  typeNames?: Record<string, string>;
}

export interface SampleEvent {
  id: string;
  type: string;
  typeName?: string;
  /** RFC 3339. */
  timestamp: string;
  tenantId: string;
  webhookId: string;
  uuid: string;
  data: unknown;
  context: Record<string, unknown>;
  /** Milliseconds: of the attempt. */
  at: number;
}

export interface Preview {
  headers: [string, string][];
  body: string;
  /** Undefined if the contract signs nothing. */
  signedText?: string;
}

/** What is wrong with a placeholder. */
export class PlaceholderError extends Error {
  constructor(readonly placeholder: string) {
    super(placeholder);
  }
}

export function preview(contract: PreviewContract, event: SampleEvent): Preview {
  const body = JSON.stringify(filled(contract.envelope ?? {}, contract, event));
  const seconds = String(Math.floor(event.at / 1000));
  const iso = new Date(event.at).toISOString();
  const short = (template: string): string =>
    template.replace(/\{([^}]*)\}/g, (_, name: string) => {
      const values: Record<string, string> = { id: event.id, timestamp: seconds, timestampIso: iso, body };
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value === undefined) throw new PlaceholderError(name);
      return value;
    });
  const { signature } = contract;
  const headers: [string, string][] = [
    ['content-type', 'application/json'],
    ['webhook-id', event.id],
    ['webhook-timestamp', seconds],
    ...Object.entries(contract.headers ?? {}).map(([name, value]): [string, string] => [name, short(value)]),
  ];
  if (signature === undefined) return { headers, body };
  headers.push([signature.header, `${signature.prefix ?? ''}…`]);
  return { headers, body, signedText: short(signature.signedText) };
}

function filled(value: unknown, contract: PreviewContract, event: SampleEvent): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => filled(one, contract, event));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filled(one, contract, event)]));
  if (typeof value !== 'string') return value;
  const whole = /^\{([^{}]*)\}$/.exec(value)?.[1];
  if (whole !== undefined) return field(whole, contract, event);
  return value.replace(/\{([^}]*)\}/g, (_, name: string) => {
    const found = field(name, contract, event);
    return typeof found === 'string' ? found : JSON.stringify(found);
  });
}

function field(placeholder: string, contract: PreviewContract, event: SampleEvent): unknown {
  const [name = '', ...fallback] = placeholder.split('|');
  const plain: Record<string, unknown> = {
    id: event.id,
    type: event.type,
    timestamp: event.timestamp,
    tenantId: event.tenantId,
    webhookId: event.webhookId,
    typeName: event.typeName ?? contract.typeNames?.[event.type] ?? event.type,
    uuid: event.uuid,
    data: event.data,
  };
  if (fallback.length === 0 && Object.hasOwn(plain, name)) return plain[name];
  if (!name.startsWith('context.') || name === 'context.') throw new PlaceholderError(placeholder);
  const key = name.slice('context.'.length);
  if (Object.hasOwn(event.context, key)) return event.context[key];
  return fallback.length === 0 ? null : field(fallback.join('|'), contract, event);
}
