import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IntegrityFailures } from './integrity-failures.ts';
import { RowMac, type RowMacDefinition } from './row-mac.ts';

/**
 * Computes the MACs of rows where they are written, and checks them where they decide. A row whose MAC does not fit counts as absent. Keyed
 * by the ring, so that whoever may only write to the database can't make one.
 */
@Injectable()
export class RowMacs {
  constructor(
    private readonly mac: RowMac,
    private readonly integrity: IntegrityFailures,
  ) {}

  /** The MAC for the column `mac` of this row, 16 bytes. */
  compute<R>(definition: RowMacDefinition<R>, row: R): Buffer {
    return this.mac.computeRowMac(definition.encode(row));
  }

  /** Whether this service wrote the row as it is, without telling anybody. False for a row without a MAC. */
  fits<R>(definition: RowMacDefinition<R>, row: R & { mac: Buffer | null }): boolean {
    const expected = this.compute(definition, row);
    return row.mac !== null && row.mac.length === expected.length && timingSafeEqual(row.mac, expected);
  }

  /** As `fits`, for a row that is to decide something: one that does not fit is reported to log, metric and record. */
  verify<R>(definition: RowMacDefinition<R>, row: R & { mac: Buffer | null }): boolean {
    if (this.fits(definition, row)) return true;
    this.integrity.forged(definition.table, definition.idOf(row));
    return false;
  }

  /** The row if it is what this service wrote, else null: it counts as absent, and is reported. */
  accept<R, T extends R & { mac: Buffer | null }>(
    definition: RowMacDefinition<R>,
    row: T | null | undefined,
  ): T | null {
    return row !== null && row !== undefined && this.verify(definition, row) ? row : null;
  }
}
