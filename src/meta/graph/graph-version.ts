/** A version of the Graph API: `v25.0`. */
interface GraphVersion {
  major: number;
  minor: number;
}

/** The Marketing API has the numbers of the Graph API, is called at the same addresses, and ends earlier. */
export type VersionedApi = 'graph' | 'marketing';

interface VersionLifetime {
  readonly version: string;
  readonly releasedOn: string;
  /** From this day on Meta serves another version in its place; null: no end is known. */
  readonly graphEndsOn: string | null;
  /** From this day on calls of the Marketing API fail (code 2635), or are upgraded where nothing changed for them. */
  readonly marketingEndsOn: string | null;
}

/**
 * Every version that is or was in use lately, the oldest first. Sources: releases and Graph's ends, "Graph API changelog, read 2026-11-27",
 * for v27.0 its page of 2026-10-29; the Marketing API's ends, "Marketing API version history, read 2026-11-28", which moved v24.0's from
 * 2026-10-06 to 2026-11-10. Older versions have ended; newer ones are not known here.
 */
const VERSIONS: readonly VersionLifetime[] = [
  { version: 'v18.0', releasedOn: '2023-09-12', graphEndsOn: '2026-01-26', marketingEndsOn: '2024-08-13' },
  { version: 'v19.0', releasedOn: '2024-01-23', graphEndsOn: '2026-05-21', marketingEndsOn: '2025-02-04' },
  { version: 'v20.0', releasedOn: '2024-05-21', graphEndsOn: '2026-09-24', marketingEndsOn: '2025-05-06' },
  { version: 'v21.0', releasedOn: '2024-10-02', graphEndsOn: '2027-01-21', marketingEndsOn: '2025-09-09' },
  { version: 'v22.0', releasedOn: '2025-01-21', graphEndsOn: '2027-05-20', marketingEndsOn: '2026-02-19' },
  { version: 'v23.0', releasedOn: '2025-05-29', graphEndsOn: '2027-10-08', marketingEndsOn: '2026-06-09' },
  { version: 'v24.0', releasedOn: '2025-10-08', graphEndsOn: '2028-02-18', marketingEndsOn: '2026-11-10' },
  { version: 'v25.0', releasedOn: '2026-02-18', graphEndsOn: '2028-07-29', marketingEndsOn: '2027-02-23' },
  { version: 'v26.0', releasedOn: '2026-07-29', graphEndsOn: null, marketingEndsOn: null },
  { version: 'v27.0', releasedOn: '2026-11-04', graphEndsOn: null, marketingEndsOn: null },
];

/** How long before a version ends operators are told: somebody has to read the changelog first. */
export const VERSION_NOTICE_SECONDS = 60 * 86_400;

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

/** What Meta served, seen from what we asked for. An ended version is served by the oldest living one, without an error (docs/meta-facts.md). */
type VersionDrift = 'none' | 'newer' | 'older' | 'unknown';

/** From `facebook-api-version` or `instagram-api-version`; `unknown` where the header is absent or odd. */
export function detectVersionDrift(asked: string, served: string | undefined): VersionDrift {
  const a = parseGraphVersion(asked);
  const b = served === undefined ? null : parseGraphVersion(served);
  if (a === null || b === null) return 'unknown';
  const order = compareGraphVersions(b, a);
  return order === 0 ? 'none' : order > 0 ? 'newer' : 'older';
}

/** The end of a version: an instant, `past` for those that ended before our knowledge begins, null where none is known. */
export function getVersionEnd(text: string, api: VersionedApi = 'graph'): Date | 'past' | null {
  const version = parseGraphVersion(text);
  const oldest = parseGraphVersion(VERSIONS[0]?.version ?? '');
  if (version === null || oldest === null) return null;
  if (compareGraphVersions(version, oldest) < 0) return 'past';
  const known = VERSIONS.find(({ version: name }) => name === text);
  const endsOn = (api === 'graph' ? known?.graphEndsOn : known?.marketingEndsOn) ?? null;
  return endsOn === null ? null : new Date(`${endsOn}T00:00:00Z`);
}

/** Whether the table knows a version: what anybody may ask for has no bound otherwise. */
export function isKnownVersion(text: string): boolean {
  return VERSIONS.some(({ version }) => version === text);
}

/** The oldest version that still lives: what Meta serves in place of an ended one. */
export function findOldestLivingVersion(now: Date, api: VersionedApi = 'graph'): string | null {
  const isLiving = ({ version, releasedOn }: VersionLifetime): boolean => {
    const end = getVersionEnd(version, api);
    return new Date(`${releasedOn}T00:00:00Z`) <= now && (end === null || (end !== 'past' && end > now));
  };
  return VERSIONS.find(isLiving)?.version ?? null;
}
