import { MetaError } from './meta-error.ts';

/** An error for a response that lacks required fields: transient. */
export function unusableResponseError(operation: string, httpStatus: number, mayHaveCommitted: boolean): MetaError {
  return new MetaError({ verdict: { kind: 'transient' }, httpStatus, operation, mayHaveCommitted });
}
