/** The built-in contracts, from the files that the dispatcher itself reads. */

import inspectorio from '../../../../domain/contracts/inspectorio.json';
import kazinex from '../../../../domain/contracts/kazinex.json';
import kliq from '../../../../domain/contracts/kliq.json';
import kuviq from '../../../../domain/contracts/kuviq.json';
import standard from '../../../../domain/contracts/standard.json';

/** How a contract signs. */
export interface Scheme {
  header: string;
  prefix?: string;
  encoding: string;
  signedText: string;
  secret: string;
  several?: boolean;
}

/** What the verification needs to know of a contract. */
export interface SigningContract {
  name: string;
  description?: string;
  signature?: Scheme;
  headers?: Record<string, string>;
}

export const BUILTIN: readonly SigningContract[] = [standard, kuviq, kazinex, kliq, inspectorio];

export const builtin = (name: string): SigningContract | undefined => BUILTIN.find((one) => one.name === name);

/** The header in which a contract sends the attempt's time as text, if it does. */
export function isoHeader(contract: SigningContract): string | undefined {
  return Object.entries(contract.headers ?? {}).find(([, value]) => value === '{timestampIso}')?.[0];
}
