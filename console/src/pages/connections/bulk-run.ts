import { callPatiently, type Patience, secondsToRetry } from '../../api/patient-call.ts';
import { ProblemError } from '../../api/problem-error.ts';

export type RowResult =
  | { state: 'waiting' | 'running' | 'succeeded' | 'stopped' }
  | { state: 'failed'; error: unknown };

/** How one call handles its part of the rows. */
export interface BulkCall {
  rows: number;
  concurrency: number;
  /** Returns, for each row that failed, the cause. */
  call: (ids: readonly string[]) => Promise<ReadonlyMap<string, unknown>>;
}

export interface BulkRunOptions {
  /** Aborted by the user, or by the run itself if no row can succeed. */
  stop: AbortController;
  note: (ids: readonly string[], toResult: (id: string) => RowResult) => void;
  wait?: NonNullable<Patience['wait']>;
}

/**
 * Performs the same action on many rows and notes each one's result. A failed row does not hold up the others, and a
 * row that the service asks to repeat is sent again. Throws failures that affect every row.
 */
export async function runInBulk(ids: readonly string[], bulk: BulkCall, options: BulkRunOptions): Promise<void> {
  const { stop, note } = options;
  const waiting = [...ids];
  note(waiting, () => ({ state: 'waiting' }));
  const work = async (): Promise<void> => {
    for (let part = waiting.splice(0, bulk.rows); part.length > 0; part = waiting.splice(0, bulk.rows)) {
      try {
        await workOff(part, bulk.call, options);
      } catch (failure) {
        stop.abort();
        note(waiting.splice(0), () => ({ state: 'stopped' }));
        throw failure;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: bulk.concurrency }, work));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Processes one part, in as many calls as needed. Throws failures that would affect the other parts as well. */
async function workOff(part: readonly string[], call: BulkCall['call'], options: BulkRunOptions): Promise<void> {
  const { stop, note, wait } = options;
  let left = part;
  let failures: ReadonlyMap<string, unknown> = new Map();
  const callForThoseLeft = async (): Promise<void> => {
    note(left, () => ({ state: 'running' }));
    failures = new Map();
    failures = await call(left);
    const heldUp = new Set(left.filter((id) => secondsToRetry(failures.get(id)) !== null));
    const settled = left.filter((id) => !heldUp.has(id));
    note(settled, (id) => (failures.has(id) ? { state: 'failed', error: failures.get(id) } : { state: 'succeeded' }));
    left = [...heldUp];
    if (left.length > 0) throw longestToWait(left.map((id) => failures.get(id)));
  };
  try {
    await callPatiently(callForThoseLeft, stop.signal, {
      onWait: () => note(left, () => ({ state: 'waiting' })),
      ...(wait === undefined ? {} : { wait }),
    });
  } catch (failure) {
    const isHeldUp = stop.signal.aborted || holdsUpAll(failure);
    note(left, (id) => (isHeldUp ? { state: 'stopped' } : { state: 'failed', error: failures.get(id) ?? failure }));
    if (isHeldUp && !stop.signal.aborted) throw failure;
  }
}

function longestToWait(errors: readonly unknown[]): unknown {
  return errors.reduce((a, b) => ((secondsToRetry(b) ?? 0) > (secondsToRetry(a) ?? 0) ? b : a));
}

/** Whether the failure affects all rows: the user must sign in first, or the service is unavailable. */
function holdsUpAll(error: unknown): boolean {
  if (!(error instanceof ProblemError)) return false;
  return error.status === null || error.status === 401 || error.code === 'fresh_sign_in_required';
}
