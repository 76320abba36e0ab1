import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { AuditCheckpoint } from '../../audit/chain/audit-checkpoint.ts';
import type { ChainMac } from '../../audit/chain/chain-mac.ts';
import { formatPlace, parsePlace, UnusablePlaceError } from '../../audit/chain/verified-place.ts';
import { StartupError } from '../../bootstrap/startup-error.ts';
import { readText } from '../terminal/read-text.ts';

/** A place is written at most this often. */
const INTERVAL_MS = 1_000;

/** Keeps the place of a verification in a file, so that another one can continue from there after an interruption. */
export class VerificationPlace {
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly mac: ChainMac,
    private readonly file: string,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Null: there is no such file, so the verification starts over. */
  read(): AuditCheckpoint | null {
    if (!existsSync(this.file)) return null;
    try {
      return parsePlace(this.mac, readText(this.file));
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** Replaces the file as a whole, so that an interruption leaves the old file or the new one. */
  keep(place: AuditCheckpoint | null): void {
    if (place === null || this.nowMs() - this.#writtenAtMs < INTERVAL_MS) return;
    this.#writtenAtMs = this.nowMs();
    const next = `${this.file}.next`;
    writeFileSync(next, `${formatPlace(this.mac, place)}\n`, { mode: 0o600 });
    renameSync(next, this.file);
  }

  /** The verification is complete: the next one must start over. */
  remove(): void {
    rmSync(this.file, { force: true });
  }

  /** Says what to do about a place that can't be used. Returns other errors unchanged. */
  explain(error: unknown): unknown {
    if (!(error instanceof UnusablePlaceError)) return error;
    return new StartupError({
      code: 'invalid_place',
      detail: `--resume: the verification cannot continue from ${this.file}: ${error.message}.`,
      remedy: 'Remove the file to verify the whole record.',
      cause: error,
    });
  }
}
