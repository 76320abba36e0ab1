/**
 * Rows without MACs can't be proven to come from an earlier release, because the audit record, which would show it,
 * does not verify. No row was given a MAC.
 */
export class UnprovenRowsError extends Error {
  constructor(tables: readonly string[], fault: string) {
    super(
      `The rows of ${tables.join(', ')} have no MACs, and the audit record, which would show whether they ever had any, failed verification ` +
        `(${fault}). Investigate with metavault audit verify. If the rows are as they should be, run metavault audit adopt-rows to add ` +
        'their MACs. Nothing was changed.',
    );
    this.name = 'UnprovenRowsError';
  }
}
