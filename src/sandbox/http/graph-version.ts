import { oauthError } from './graph-error.ts';

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);

/** Versions that live or lived lately, oldest first, with their end (docs/meta-facts.md); the newest has none yet. */
const versions: [string, number][] = [
  ['v19.0', day('2026-05-21')],
  ['v20.0', day('2026-09-24')],
  ['v21.0', day('2027-01-21')],
  ['v22.0', day('2027-05-20')],
  ['v23.0', day('2027-10-08')],
  ['v24.0', day('2028-02-18')],
  ['v25.0', day('2028-07-29')],
  ['v26.0', Number.POSITIVE_INFINITY],
];
const newest = 26;

/** The version that really serves a call: a dead one, or none, gives the oldest living one (META.md 17). */
export function servedVersion(requestedVersion: string | null, now: number, defaultVersion: string | null): string {
  const oldestLiving = versions.find(([, until]) => now < until)?.[0] ?? `v${newest}.0`;
  if (requestedVersion === null) return defaultVersion ?? oldestLiving;
  const number = Number(requestedVersion.slice(1));
  if (number > newest) throw oauthError(2500, `Unknown path components: /${requestedVersion}`);
  return number < Number(oldestLiving.slice(1)) ? oldestLiving : requestedVersion;
}

/** Takes `vN.N` off the front of a path. */
export function splitVersion(path: string[]): { requestedVersion: string | null; rest: string[] } {
  const first = path[0];
  return first !== undefined && /^v\d+\.\d+$/.test(first)
    ? { requestedVersion: first, rest: path.slice(1) }
    : { requestedVersion: null, rest: path };
}
