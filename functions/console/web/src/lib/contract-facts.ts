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
}

export function factsOf(contract: string | undefined): ContractFacts {
  const found = builtin(contract ?? '') as (SigningContract & { timeoutSeconds?: number; retryDelaysSeconds?: number[] }) | undefined;
  if (found === undefined) return { signs: true, several: false, secret: 'any' };
  const { signature, timeoutSeconds, retryDelaysSeconds } = found;
  return { signs: signature !== undefined, several: signature?.several === true, secret: signature?.secret === 'whsec' ? 'whsec' : signature?.secret === 'literal' ? 'literal' : 'any', timeoutSeconds, retryDelaysSeconds };
}

/** The names of the contracts that every stack has. */
export const BUILT_IN_NAMES = BUILTIN.map((one) => one.name);
