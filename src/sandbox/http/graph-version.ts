import { oauthError } from './graph-error.ts';

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);

/** Recent versions with their end, oldest first (docs/meta-facts.md#api-versions). The newest has no end yet. */
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

/**
 * Returns the version that serves a call: the oldest living one for ended versions (docs/meta-facts.md#api-versions).
 */
export function servedVersion(requestedVersion: string | null, now: number, defaultVersion: string | null): string {
  const oldestLiving = versions.find(([, until]) => now < until)?.[0] ?? `v${newest}.0`;
  if (requestedVersion === null) return defaultVersion ?? oldestLiving;
  const number = Number(requestedVersion.slice(1));
  if (number > newest) throw oauthError(2500, `Unknown path components: /${requestedVersion}`);
  return number < Number(oldestLiving.slice(1)) ? oldestLiving : requestedVersion;
}

/** Removes a leading `vN.N` from a path. */
export function splitVersion(path: string[]): { requestedVersion: string | null; rest: string[] } {
  const first = path[0];
  return first !== undefined && /^v\d+\.\d+$/.test(first)
    ? { requestedVersion: first, rest: path.slice(1) }
    : { requestedVersion: null, rest: path };
}
