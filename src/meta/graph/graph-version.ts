/** A version of the Graph API: `v25.0`. */
interface GraphVersion {
  major: number;
  minor: number;
}

const VERSION_PATTERN = /^v(\d{1,3})\.(\d{1,2})$/;

/** `v25.0` in numbers; null where the text is no version. */
function parseGraphVersion(text: string): GraphVersion | null {
  const match = VERSION_PATTERN.exec(text);
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Negative where `a` is older. */
function compareGraphVersions(a: GraphVersion, b: GraphVersion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** What Meta served, seen from what we asked for. A dead version is served by the oldest living one, without an error (META.md 17). */
type VersionDrift = 'none' | 'newer' | 'older' | 'unknown';

/** From `facebook-api-version` or `instagram-api-version`; `unknown` where the header is absent or odd. */
export function detectVersionDrift(asked: string, served: string | undefined): VersionDrift {
  const a = parseGraphVersion(asked);
  const b = served === undefined ? null : parseGraphVersion(served);
  if (a === null || b === null) return 'unknown';
  const order = compareGraphVersions(b, a);
  return order === 0 ? 'none' : order > 0 ? 'newer' : 'older';
}

/**
 * When Meta stops serving a version as what it is, from its changelog (META.md 17, read 2026-11); from then on the oldest living one
 * is served in its place. Versions that are not in here are older than all of them, or too new to have an end.
 */
const VERSION_ENDS: readonly (readonly [version: string, endsAt: string])[] = [
  ['v20.0', '2026-09-24'],
  ['v21.0', '2027-01-21'],
  ['v22.0', '2027-05-20'],
  ['v23.0', '2027-10-08'],
  ['v24.0', '2028-02-18'],
  ['v25.0', '2028-07-29'],
];

/** The end of a version: an instant, `past` for those that ended before our knowledge begins, null where none is known. */
export function getVersionEnd(text: string): Date | 'past' | null {
  const version = parseGraphVersion(text);
  const oldest = parseGraphVersion(VERSION_ENDS[0]?.[0] ?? '');
  if (version === null || oldest === null) return null;
  if (compareGraphVersions(version, oldest) < 0) return 'past';
  const known = VERSION_ENDS.find(([name]) => name === text);
  return known === undefined ? null : new Date(`${known[1]}T00:00:00Z`);
}
