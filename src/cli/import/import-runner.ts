import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionId } from '../../connections/ids.ts';
import type { ImportResult, VaultService } from '../service/vault-service.ts';
import type { Progress } from '../terminal/progress.ts';
import type { CompletedRows } from './completed-rows.ts';
import type { ImportRow } from './import-rows.ts';

export interface RowResult {
  line: number;
  tenant: string | null;
  product: string | null;
  connection_id: ConnectionId | null;
  /** Null if imported, else the problem's code. */
  code: string | null;
  detail: string | null;
}

const CONCURRENCY = 4;
const MAX_TRIES = 6;
const MAX_WAIT_SECONDS = 60;

/**
 * Imports rows, a few at a time, adds the outcome of each to `results`, and records those imported. Starts no further
 * row after an abort, or a failure that is not a row's.
 */
export async function importRows(
  service: VaultService,
  completedRows: CompletedRows,
  rows: readonly ImportRow[],
  results: RowResult[],
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<void> {
  const waiting = [...rows];
  progress.show(0, rows.length);
  let done = 0;
  let hasFailed = false;
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined && !signal.aborted && !hasFailed; row = waiting.shift()) {
      const result = await importWithRetry(service, row, signal);
      if (result === null) return;
      if (result.kind === 'imported') completedRows.add(fingerprintOf(service, row));
      results.push(toRowResult(row, result));
      done += 1;
      progress.show(done, rows.length);
    }
  };
  try {
    const workers = Array.from({ length: CONCURRENCY }, () =>
      work().catch((error: unknown) => {
        hasFailed = true;
        throw error;
      }),
    );
    const rejected = (await Promise.allSettled(workers)).find((end) => end.status === 'rejected');
    if (rejected !== undefined) throw rejected.reason;
  } finally {
    progress.end();
  }
}

/** The fingerprint that records a row as imported. */
export function fingerprintOf(
  service: VaultService,
  { tenant, product, token, appId, reference, metadata }: ImportRow,
): string {
  const described = metadata === undefined ? [reference].filter((each) => each !== undefined) : [reference, metadata];
  const under = appId === undefined ? [] : [{ app_id: appId }];
  return service.fingerprintOf(JSON.stringify(['import', tenant, product, token.expose(), ...described, ...under]));
}

/** Retries temporary failures: Meta or the service unreachable, too many requests. Null if aborted in the meantime. */
async function importWithRetry(
  service: VaultService,
  row: ImportRow,
  signal: AbortSignal,
): Promise<ImportResult | null> {
  for (let tries = 1; ; tries++) {
    const result = await service.importToken(row);
    if (result.kind !== 'retryable' || tries >= MAX_TRIES) return result;
    const waitSeconds = Math.min(MAX_WAIT_SECONDS, result.afterSeconds ?? 2 ** tries);
    await sleep(1000 * waitSeconds, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return null;
  }
}

function toRowResult({ line, tenant, product }: ImportRow, result: ImportResult): RowResult {
  const of = { line, tenant, product };
  if (result.kind === 'imported') return { ...of, connection_id: result.connectionId, code: null, detail: null };
  return { ...of, connection_id: null, code: result.code, detail: result.detail };
}
