/** A version of the Graph API: `v25.0`. */
export interface GraphVersion {
  major: number;
  minor: number;
}

const FORM = /^v(\d{1,3})\.(\d{1,2})$/;

/** `v25.0` in numbers; null where the text is no version. */
export function parseGraphVersion(text: string): GraphVersion | null {
  const match = FORM.exec(text);
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Negative where `a` is older. */
export function compareGraphVersions(a: GraphVersion, b: GraphVersion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** What Meta served, seen from what we asked for. A dead version is served by the oldest living one, without an error (META.md 17). */
export type VersionDrift = 'none' | 'newer' | 'older' | 'unknown';

/** From `facebook-api-version` or `instagram-api-version`; `unknown` where the header is absent or odd. */
export function versionDrift(asked: string, served: string | undefined): VersionDrift {
  const a = parseGraphVersion(asked);
  const b = served === undefined ? null : parseGraphVersion(served);
  if (a === null || b === null) return 'unknown';
  const order = compareGraphVersions(b, a);
  return order === 0 ? 'none' : order > 0 ? 'newer' : 'older';
}
