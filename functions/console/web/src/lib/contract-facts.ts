// What the form has to know of a contract before it has an answer: a tenant may not read
// contracts. One that is not built in may do anything, so the page then offers everything.

import { BUILTIN, builtin, type SigningContract } from './contracts';

export interface ContractFacts {
  signs: boolean;
  /** Old and new secret sign together while a rotation overlaps. */
  several: boolean;
  secret: 'literal' | 'whsec' | 'any';
  timeoutSeconds?: number;
  retryDelaysSeconds?: number[];
  /** The response codes that are a success, as `200` or `2xx`. */
  success?: string[];
}

export function factsOf(contract: string | undefined): ContractFacts {
  const found = builtin(contract ?? '') as (SigningContract & { timeoutSeconds?: number; retryDelaysSeconds?: number[]; success?: string[] }) | undefined;
  if (found === undefined) return { signs: true, several: false, secret: 'any' };
  const { signature, timeoutSeconds, retryDelaysSeconds, success } = found;
  return { signs: signature !== undefined, several: signature?.several === true, secret: signature?.secret === 'whsec' ? 'whsec' : signature?.secret === 'literal' ? 'literal' : 'any', timeoutSeconds, retryDelaysSeconds, success };
}

/** The names of the contracts that every stack has. */
export const BUILT_IN_NAMES = BUILTIN.map((one) => one.name);
