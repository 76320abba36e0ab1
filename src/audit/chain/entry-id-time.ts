import { decodeTime } from 'ulid';
import { firstIdAt } from '../../platform/ids.ts';
import type { AuditEntryId } from '../ids.ts';

const TIMED_ID = /^aud_([0-9a-hjkmnp-tv-z]{10})/;

/** Returns the smallest id of an instant. Ids sort by time, so the primary key serves time ranges. */
export function firstAuditIdAt(epochMs: number): AuditEntryId {
  return firstIdAt('aud', epochMs);
}

/** Returns when an entry's id was generated, in milliseconds. Null if the id is invalid. */
export function epochMsOfId(id: string): number | null {
  const time = TIMED_ID.exec(id)?.[1];
  return time === undefined ? null : decodeTime(`${time}${'0'.repeat(16)}`.toUpperCase());
}
