import type { SqlExecutor } from '../../database/statement.ts';
import type { AuditCheckpoint } from './audit-checkpoint.ts';
import { encodeFields } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';
import { areLinksCounted, findLinkMac } from './chain-verification.query.ts';

/** A verification can't continue from a place. The message says why. */
export class UnusablePlaceError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'UnusablePlaceError';
  }
}

const PREFIX = 'mvv1';
const WORD = new RegExp(`^${PREFIX}\\.(\\d{1,15})\\.([0-9a-f]{64})\\.(|none|aud_[0-9a-z]+)\\.([0-9a-f]{64})$`);

/**
 * Formats the place up to which a verification found nothing wrong, as one word to be kept outside of the database.
 * Sealed, so that nobody without the chain's key can make a verification skip links.
 */
export function formatPlace(mac: ChainMac, place: AuditCheckpoint): string {
  const { position, macsRequiredFrom } = place;
  const parts = [PREFIX, position, place.mac.toString('hex'), macsRequiredFrom ?? 'none'];
  return [...parts, computeSeal(mac, place).toString('hex')].join('.');
}

/** Parses `formatPlace`. Throws `UnusablePlaceError` for anything that this installation did not seal. */
export function parsePlace(mac: ChainMac, text: string): AuditCheckpoint {
  const [, position, link = '', required, seal = ''] = WORD.exec(text.trim()) ?? [];
  if (position === undefined || required === undefined)
    throw new UnusablePlaceError('the file does not hold the saved progress of a verification');
  const place = {
    position: Number(position),
    mac: Buffer.from(link, 'hex'),
    macsRequiredFrom: required === 'none' ? null : required,
  };
  if (!computeSeal(mac, place).equals(Buffer.from(seal, 'hex'))) throw new UnusablePlaceError('its seal is wrong');
  return place;
}

/**
 * Returns where to begin: at the place, or at the start of the chain if that was pruned past it. Throws
 * `UnusablePlaceError` if the chain differs at the place.
 */
export async function findStart(
  executor: SqlExecutor,
  start: AuditCheckpoint,
  place: AuditCheckpoint,
): Promise<AuditCheckpoint> {
  if (place.position <= start.position) return start;
  const link = await findLinkMac(executor, place.position);
  if (link?.equals(place.mac) !== true) throw new UnusablePlaceError('the record has changed there');
  if (!(await areLinksCounted(executor, place.position)))
    throw new UnusablePlaceError('links were added or removed before it');
  return place;
}

function computeSeal(mac: ChainMac, { position, mac: last, macsRequiredFrom }: AuditCheckpoint): Buffer {
  return mac.computeAuditMac(
    encodeFields(['metavault audit verified', '1', String(position), last.toString('hex'), macsRequiredFrom]),
  );
}
