/** Postgres did not answer in time. */
export class DatabaseTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`no response from the database within ${timeoutMs} ms`);
    this.name = 'DatabaseTimeoutError';
  }
}

/**
 * Settles like `work`, or rejects with `DatabaseTimeoutError`. Waits one more turn of the event loop, because a
 * response may have arrived while this process was stalled.
 */
export function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const rejectLate = (): void => reject(new DatabaseTimeoutError(timeoutMs));
    const timer = setTimeout(() => setImmediate(rejectLate), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
