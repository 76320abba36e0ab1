import { MetaError } from './meta-error.ts';

/** Meta gave a response that does not hold what it must: a fault that may pass. */
export function unusableResponseError(operation: string, httpStatus: number, mayHaveCommitted: boolean): MetaError {
  return new MetaError({ verdict: { kind: 'transient' }, httpStatus, operation, mayHaveCommitted });
}
