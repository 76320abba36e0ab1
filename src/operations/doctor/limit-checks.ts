import type { Database } from '../../database/database.ts';
import { AppRateLimitRepository } from '../../lifecycle/rate-limit/app-rate-limit.repository.ts';
import { ObjectRateLimitRepository } from '../../lifecycle/rate-limit/object-rate-limit.repository.ts';
import type { Clock } from '../../platform/clock.ts';
import { attention, type Finding, fine } from './finding.ts';

const SHOWN = 5;

/** Shows which Meta limits are in force: those of apps, which stop background work, and those of single objects. */
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
    const others = total > SHOWN ? ' and others' : '';
    const detail = `${total} objects are at their own limits, which affect nothing else: ${named.join(', ')}${others}.`;
    findings.push(attention('meta_limits', detail, 'Have the products that use them call Meta less often.'));
  }
  return findings.length > 0 ? findings : [fine('meta_limits', 'none in force')];
}

const WAITS_BY_ITSELF =
  'Nothing: work resumes automatically. If this happens often, call Meta less, or ask Meta for higher limits.';
