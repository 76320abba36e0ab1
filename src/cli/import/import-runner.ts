import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportAnswer, VaultService } from '../service/vault-service.ts';
import { progressBar } from '../terminal/terminal.ts';
import type { ImportMarks } from './completed-rows.ts';
import type { ImportRow } from './import-rows.ts';

export interface Outcome {
  line: number;
  tenant: string | null;
  product: string | null;
  connection_id: string | null;
  /** Null where it is in; else the problem's code. */
  code: string | null;
  detail: string | null;
}

const AT_ONCE = 4;
const MAX_TRIES = 6;
const MAX_WAIT_SECONDS = 60;

/**
 * Hands rows in, a few at a time, and marks each one that is in. An abort, or a failure that is none of the row's, begins no further
 * row: `outcomes` has what was done until then. Equal rows are handed in once.
 */
export async function importRows(
  service: VaultService,
  marks: ImportMarks,
  rows: readonly ImportRow[],
  outcomes: Outcome[],
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...rows];
  const bar = progressBar('importing');
  let isBroken = false;
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined && !signal.aborted && !isBroken; row = waiting.shift()) {
      const answer = await handIn(service, row, signal);
      if (answer === null) return;
      if (answer.kind === 'in') marks.add(markOf(service, row));
      outcomes.push(toOutcome(row, answer));
      bar.show(outcomes.length, rows.length);
    }
  };
  try {
    const workers = Array.from({ length: AT_ONCE }, () =>
      work().catch((error: unknown) => {
        isBroken = true;
        throw error;
      }),
    );
    const broken = (await Promise.allSettled(workers)).find((end) => end.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
  } finally {
    bar.end();
  }
}

/** A row's mark among those that are in. */
export function markOf(service: VaultService, { tenant, product, token }: ImportRow): string {
  return service.markOf(JSON.stringify(['import', tenant, product, token.expose()]));
}

/** What passes by itself (Meta or the service out of reach, too many requests) is waited for. Null: stopped meanwhile. */
async function handIn(service: VaultService, row: ImportRow, signal: AbortSignal): Promise<ImportAnswer | null> {
  for (let tries = 1; ; tries++) {
    const answer = await service.importToken(row);
    if (answer.kind !== 'later' || tries >= MAX_TRIES) return answer;
    const waitSeconds = Math.min(MAX_WAIT_SECONDS, answer.afterSeconds ?? 2 ** tries);
    await sleep(1000 * waitSeconds, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return null;
  }
}

function toOutcome({ line, tenant, product }: ImportRow, answer: ImportAnswer): Outcome {
  const of = { line, tenant, product };
  if (answer.kind === 'in') return { ...of, connection_id: answer.connectionId, code: null, detail: null };
  return { ...of, connection_id: null, code: answer.code, detail: answer.detail };
}
