import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IntegrityFailures } from './integrity-failures.ts';
import { RowMac, type RowMacDefinition } from './row-mac.ts';

/**
 * Computes MACs when rows are written and verifies them before rows are trusted. A row whose MAC doesn't verify counts
 * as absent. Write access to the database isn't enough to forge one, because the key is in the key ring.
 */
@Injectable()
export class RowMacs {
  constructor(
    private readonly mac: RowMac,
    private readonly integrity: IntegrityFailures,
  ) {}

  /** Returns the value of the column `mac`, 16 bytes. */
  compute<R>(definition: RowMacDefinition<R>, row: R): Buffer {
    return this.mac.computeRowMac(definition.encode(row));
  }

  /** Whether the row's MAC verifies. False without a MAC. Reports nothing. */
  fits<R>(definition: RowMacDefinition<R>, row: R & { mac: Buffer | null }): boolean {
    const expected = this.compute(definition, row);
    return row.mac !== null && row.mac.length === expected.length && timingSafeEqual(row.mac, expected);
  }

  /** Like `fits`, but reports a mismatch to the log, the metric and the audit record. */
  verify<R>(definition: RowMacDefinition<R>, row: R & { mac: Buffer | null }): boolean {
    if (this.fits(definition, row)) return true;
    this.integrity.forged(definition.table, definition.idOf(row));
    return false;
  }

  /** Returns the row if it verifies, else null. Reports a mismatch. */
  accept<R, T extends R & { mac: Buffer | null }>(
    definition: RowMacDefinition<R>,
    row: T | null | undefined,
  ): T | null {
    return row !== null && row !== undefined && this.verify(definition, row) ? row : null;
  }
}
