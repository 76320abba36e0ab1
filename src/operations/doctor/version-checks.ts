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

/** What was served longer ago says nothing about today; it is stored again every hour while it lasts. */
const SERVED_WITHIN_SECONDS = 7 * DAY_SECONDS;

/** According to Meta's changelog and to the version that Meta just reported. */
export function checkVersion(asked: string, served: string | null, now: Date): Finding {
  const end = getVersionEnd(asked);
  const drift = served === null ? 'unknown' : detectVersionDrift(asked, served);
  const servedNote = drift === 'newer' || drift === 'older' ? `; ${served} is what Meta serves` : '';
  if (end === 'past' || (end !== null && end <= now)) {
    const living = findOldestLivingVersion(now) ?? 'a newer one';
    const detail = `${asked} is dead${endedOn(end)}: Meta serves the oldest living version (${living}) in its place, without an error${servedNote}.`;
    return wrong('meta_version', detail, setVersion('the newest version'));
  }
  if (servedNote !== '') {
    const detail = `${asked} is asked for${servedNote}: fields may differ from what is expected.`;
    return attention('meta_version', detail, setVersion(served ?? asked));
  }
  if (end !== null && end <= addSeconds(now, VERSION_NOTICE_SECONDS)) {
    const detail = `${asked} ends on ${dayOf(end)}: from then on Meta serves another one in its place.`;
    return attention('meta_version', detail, setVersion('a newer version'));
  }
  const known = end === null ? 'no end is known' : `ends on ${dayOf(end)}`;
  return fine(
    'meta_version',
    `${drift === 'none' ? `Meta serves ${served}, as asked` : `${asked} is asked for`}; ${known}`,
  );
}

/** The Marketing API ends earlier than the Graph API: only where connections use it, and only where that is soon or over. */
export async function checkMarketingVersion(asked: string, executor: SqlExecutor, now: Date): Promise<Finding[]> {
  const end = getVersionEnd(asked, 'marketing');
  const isOver = end === 'past' || (end !== null && end <= now);
  if (end === null || (!isOver && end > addSeconds(now, VERSION_NOTICE_SECONDS))) return [];
  const groups = await countConnections(executor, 0);
  const isAffected = (product: Product): boolean => productDescriptor(product).usesMarketingApi === true;
  const count = groups.filter(({ product }) => isAffected(product)).reduce((total, group) => total + group.count, 0);
  if (count === 0) return [];
  if (isOver) {
    const detail = `${asked} is dead for the Marketing API${endedOn(end)}: calls of ${count} ads connections fail (code 2635), or are upgraded by Meta.`;
    return [wrong('meta_version', detail, setVersion('a version that the Marketing API still serves'))];
  }
  const detail = `${asked} ends for the Marketing API on ${dayOf(end)}, which ${count} ads connections use: from then on their calls fail (code 2635), or are upgraded by Meta.`;
  return [attention('meta_version', detail, setVersion('a newer version'))];
}

/** Whom Meta answered with another version than asked for, on any replica and through the gateway, and when last. */
export async function checkServedVersions(configured: string, executor: SqlExecutor, now: Date): Promise<Finding[]> {
  const versions = await listServedVersions(executor, addSeconds(now, -SERVED_WITHIN_SECONDS));
  // A version that was configured until yesterday is nobody's fault.
  const isCurrent = ({ asked, servedAt }: (typeof versions)[number]): boolean =>
    asked === configured || servedAt > addSeconds(now, -DAY_SECONDS);
  return versions
    .filter((version) => version.asked !== version.served && isCurrent(version))
    .map(({ appId, host, asked, served, servedAt }) => {
      const detail = `Meta served ${served} in place of ${asked} on its ${host} host, to app ${appId}, last seen at ${servedAt.toISOString()}.`;
      return asked === configured
        ? attention('meta_version', detail, setVersion(served))
        : attention(
            'meta_version',
            detail,
            `No call of this service asks for ${asked}: a client names it in its paths of the gateway. Let it leave the version out, or name ${configured}.`,
          );
    });
}

function setVersion(version: string): string {
  return `Read Meta's changelog up to ${version} and set META_GRAPH_API_VERSION.`;
}

function endedOn(end: Date | 'past'): string {
  return end === 'past' ? '' : ` since ${dayOf(end)}`;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
