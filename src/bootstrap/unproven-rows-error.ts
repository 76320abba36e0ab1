/**
 * Rows without MACs can't be proven to come from an earlier release, because the audit record, which would show it,
 * does not verify. No row was given a MAC.
 */
export class UnprovenRowsError extends Error {
  constructor(tables: readonly string[], fault: string) {
    super(
      `The rows of ${tables.join(', ')} have no MACs yet, and the audit record, which would say if they had had them before, does not hold ` +
        `(${fault}). Look into it with metavault audit verify. If the rows are what they should be, metavault audit adopt-rows gives them ` +
        'their MACs. Nothing was changed.',
    );
    this.name = 'UnprovenRowsError';
  }
}
