import type { Config } from '../../config/config.ts';
import type { SchemaState } from '../../database/schema-state.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

const MAX_SKEW_SECONDS = 30;

/** Reports the settings, and the warnings from reading them. */
export function checkConfiguration({ environment, publicUrl, meta, warnings }: Config): Finding[] {
  return [
    fine('configuration', `${environment}, ${publicUrl}, Graph API ${meta.graphApiVersion}`),
    ...warnings.map((warning) => attention('configuration', warning, 'Correct it before you go live.')),
  ];
}

/** Whether this release matches the schema. */
export function checkSchema({ missing, newer, unmet }: SchemaState): Finding {
  if (unmet.length > 0) {
    const detail = `this release is too old for the schema, which needs a release with ${unmet.join(', ')}.`;
    return wrong('migrations', detail, 'Start a newer release.');
  }
  if (missing.length > 0) {
    const remedy = 'Start a replica or run metavault migrate, either of which runs them.';
    return wrong('migrations', `some are pending: ${missing.join(', ')}`, remedy);
  }
  if (newer.length === 0) return fine('migrations', 'all have run');
  const detail = `all have run, and those of a newer release, too: ${newer.join(', ')}`;
  return attention('migrations', detail, 'Replace the replicas of this release soon.');
}

/** Reports that the keys are open: without them, the doctor could not run. */
export function checkKeyRing(keyRing: { activeKek(): { readonly id: string } }): Finding {
  return fine('key_ring', `opens; the active key is ${keyRing.activeKek().id}`);
}

/** How far this machine's clock is ahead of the database's. */
export function checkClock(skewMs: number): Finding {
  // Plus 0: no "-0.0".
  const skew = `${(Math.round(skewMs / 100) / 10 + 0).toFixed(1)} s ahead of the database's`;
  if (Math.abs(skewMs) <= MAX_SKEW_SECONDS * 1000) return fine('clock', skew);
  return wrong('clock', skew, 'Run NTP on this machine and on the database server.');
}
