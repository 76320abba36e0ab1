import type { Product } from '../../config/config.ts';
import { countConnections } from '../../connections/connection/connection-counts.query.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { listServedVersions } from '../../lifecycle/versions/served-version.repository.ts';
import { productDescriptor } from '../../meta/dialog/products.ts';
import {
  detectVersionDrift,
  findOldestLivingVersion,
  getVersionEnd,
  VERSION_NOTICE_SECONDS,
} from '../../meta/graph/graph-version.ts';
import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

/** Older records say nothing about today; ongoing ones are stored again every hour. */
const SERVED_WITHIN_SECONDS = 7 * DAY_SECONDS;

/** Checks our API version against Meta's changelog and the version that Meta just reported. */
export function checkVersion(asked: string, served: string | null, now: Date): Finding {
  const end = getVersionEnd(asked);
  const drift = served === null ? 'unknown' : detectVersionDrift(asked, served);
  const servedNote = drift === 'newer' || drift === 'older' ? `; Meta serves ${served}` : '';
  if (end === 'past' || (end !== null && end <= now)) {
    const living = findOldestLivingVersion(now) ?? 'a newer one';
    const effect = `Meta serves the oldest living version (${living}) instead, without an error${servedNote}`;
    const detail = `${asked}${endedOn(end)}: ${effect}.`;
    return wrong('meta_version', detail, setVersion('the newest version'));
  }
  if (servedNote !== '') {
    const detail = `We request ${asked}${servedNote}: fields may differ from what we expect.`;
    return attention('meta_version', detail, setVersion(served ?? asked));
  }
  if (end !== null && end <= addSeconds(now, VERSION_NOTICE_SECONDS)) {
    const detail = `${asked} ends on ${dayOf(end)}: after that Meta serves another version instead.`;
    return attention('meta_version', detail, setVersion('a newer version'));
  }
  const known = end === null ? 'no known end' : `ends on ${dayOf(end)}`;
  return fine(
    'meta_version',
    `${drift === 'none' ? `Meta serves ${served}, as requested` : `we request ${asked}`}; ${known}`,
  );
}

/** Warns if the Marketing API, which ends earlier, soon drops our version, and only if connections use it. */
export async function checkMarketingVersion(asked: string, executor: SqlExecutor, now: Date): Promise<Finding[]> {
  const end = getVersionEnd(asked, 'marketing');
  const isOver = end === 'past' || (end !== null && end <= now);
  if (end === null || (!isOver && end > addSeconds(now, VERSION_NOTICE_SECONDS))) return [];
  const groups = await countConnections(executor, 0);
  const isAffected = (product: Product): boolean => productDescriptor(product).usesMarketingApi === true;
  const count = groups.filter(({ product }) => isAffected(product)).reduce((total, group) => total + group.count, 0);
  if (count === 0) return [];
  if (isOver) {
    const effect = `calls of ${count} ads connections fail (code 2635), or Meta upgrades them`;
    const detail = `${asked}${endedOn(end)} for the Marketing API: ${effect}.`;
    return [wrong('meta_version', detail, setVersion('a version that the Marketing API still serves'))];
  }
  const effect = `after that, calls of ${count} ads connections fail (code 2635), or Meta upgrades them`;
  const detail = `${asked} ends for the Marketing API on ${dayOf(end)}: ${effect}.`;
  return [attention('meta_version', detail, setVersion('a newer version'))];
}

/** Lists versions that Meta recently served instead of the requested ones, on any replica and through the gateway. */
export async function checkServedVersions(configured: string, executor: SqlExecutor, now: Date): Promise<Finding[]> {
  const versions = await listServedVersions(executor, addSeconds(now, -SERVED_WITHIN_SECONDS));
  // A version that was configured until yesterday needs no action.
  const isCurrent = ({ asked, servedAt }: (typeof versions)[number]): boolean =>
    asked === configured || servedAt > addSeconds(now, -DAY_SECONDS);
  return versions
    .filter((version) => version.asked !== version.served && isCurrent(version))
    .map(({ appId, host, asked, served, servedAt }) => {
      const where = `on its ${host} host to app ${appId}, last at ${servedAt.toISOString()}`;
      const detail = `Meta served ${served} instead of ${asked} ${where}.`;
      if (asked === configured) return attention('meta_version', detail, setVersion(served));
      const cause = `This service does not request ${asked}: a client does, in its gateway paths`;
      const remedy = `${cause}. Have it leave the version out, or name ${configured}.`;
      return attention('meta_version', detail, remedy);
    });
}

function setVersion(version: string): string {
  return `Read Meta's changelog up to ${version} and set META_GRAPH_API_VERSION.`;
}

function endedOn(end: Date | 'past'): string {
  return end === 'past' ? ' has ended' : ` ended on ${dayOf(end)}`;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
