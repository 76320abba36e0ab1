import type { Database } from '../../database/database.ts';
import { AppRateLimitRepository } from '../../lifecycle/rate-limit/app-rate-limit.repository.ts';
import { ObjectRateLimitRepository } from '../../lifecycle/rate-limit/object-rate-limit.repository.ts';
import type { Clock } from '../../platform/clock.ts';
import { attention, type Finding, fine } from './finding.ts';

const SHOWN = 5;

/** Who is held up by Meta's limits, and until when: the apps, whose background work waits, and single objects. */
export async function checkMetaLimits({ database, clock }: { database: Database; clock: Clock }): Promise<Finding[]> {
  const now = clock.now();
  const apps = await new AppRateLimitRepository(database, clock).all();
  const objectLimits = new ObjectRateLimitRepository(database);
  const [longest, counts] = [await objectLimits.listLongest(now, SHOWN), await objectLimits.count(now)];
  const findings = apps.flatMap(({ appId, stoppedUntil, breaker }) => {
    if (breaker === 'open')
      return [attention('meta_limits', `Meta is down for app ${appId}: background work waits.`, WAITS_BY_ITSELF)];
    if (stoppedUntil === null || stoppedUntil <= now) return [];
    const detail = `App ${appId} is at its own limit until ${stoppedUntil.toISOString()}: background work waits.`;
    return [attention('meta_limits', detail, WAITS_BY_ITSELF)];
  });
  if (longest.length > 0) {
    const named = longest.map(({ objectId, stoppedUntil }) => `${objectId} until ${stoppedUntil.toISOString()}`);
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    const detail = `${total} objects are at limits of their own, which hold up nobody else: ${named.join(', ')}${total > SHOWN ? ' and others' : ''}.`;
    findings.push(attention('meta_limits', detail, 'Have the product that works on them call Meta less often.'));
  }
  return findings.length > 0 ? findings : [fine('meta_limits', 'none holds anything up')];
}

const WAITS_BY_ITSELF =
  'Nothing: it goes on by itself. Where it happens often, call Meta less, or ask Meta for higher limits.';
