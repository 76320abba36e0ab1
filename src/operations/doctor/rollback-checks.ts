import type { ChainMac } from '../../audit/chain/chain-mac.ts';
import { countIntegrityFinds, type IntegrityFinds } from '../../audit/integrity-finds.query.ts';
import { surveyRollbacks } from '../../connections/rollback/rollback-survey.ts';
import type { Database } from '../../database/database.ts';
import { addSeconds, type Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { attention, type Finding, fine } from './finding.ts';

const SHOWN = 5;
/** How long past findings are shown. */
const FINDS_SECONDS = 30 * DAY_SECONDS;

interface Examined {
  database: Database;
  clock: Clock;
  keyRing: { readonly revivedKeys: readonly string[] };
}

/**
 * Whether rows are older than the audit record says: compares all connections, credentials and keys with it, and shows
 * what replicas have found in the last thirty days.
 */
export async function checkRollbacks(examined: Examined & { keyRing: ChainMac }): Promise<Finding[]> {
  const { connections, credentials, forgedEntries } = await surveyRollbacks(examined.database, examined.keyRing);
  const findings = [
    ...toFinding('connections are not what the audit record says', connections),
    ...toFinding('credentials are older than the audit record says', credentials),
    ...(await listFound(examined)),
  ];
  if (forgedEntries > 0)
    findings.push(
      attention(
        'rollback',
        `${forgedEntries} audit entries were not written by this service.`,
        'Run metavault audit verify.',
      ),
    );
  return findings.length > 0 ? findings : [fine('rollback', 'no row is older than the audit record says')];
}

/**
 * Shows what replicas have found in the last thirty days. Compares no rows: that would read all of them, which no
 * request may do.
 */
export async function checkFoundRollbacks(examined: Examined): Promise<Finding[]> {
  const findings = await listFound(examined);
  return findings.length > 0
    ? findings
    : [fine('rollback', 'no replica found a rolled-back row in the last 30 days; metavault doctor compares every row')];
}

async function listFound({ database, clock, keyRing }: Examined): Promise<Finding[]> {
  const past = await countIntegrityFinds(database, addSeconds(clock.now(), -FINDS_SECONDS), SHOWN);
  return [
    ...toFinding('retired keys are back in the database; they decrypt nothing', keyRing.revivedKeys),
    ...past.map(toPastFinding),
  ];
}

function toFinding(what: string, ids: readonly string[]): Finding[] {
  return ids.length === 0 ? [] : [attention('rollback', `${ids.length} ${what}: ${named(ids, ids.length)}.`, MEND)];
}

function toPastFinding({ action, count, subject_ids: ids }: IntegrityFinds): Finding {
  return attention('rollback', `${count} ${action} in the last 30 days: ${named(ids, count)}.`, MEND);
}

function named(ids: readonly string[], count: number): string {
  const shown = ids.slice(0, SHOWN).join(', ');
  return count > SHOWN ? `${shown} and others` : shown;
}

const MEND =
  'Someone restored older versions of these rows: see "Rows that were set back" in docs/runbook.md for what to check and do.';
