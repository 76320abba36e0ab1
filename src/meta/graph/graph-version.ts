/** A Graph API version, such as `v25.0`. */
interface GraphVersion {
  major: number;
  minor: number;
}

/** The Marketing API shares the Graph API's version numbers and URLs, but its versions end earlier. */
export type VersionedApi = 'graph' | 'marketing';

interface VersionLifetime {
  readonly version: string;
  readonly releasedOn: string;
  /** From this day Meta serves another version instead; null: no known end. */
  readonly graphEndsOn: string | null;
  /** From this day Marketing API calls fail (code 2635) or are upgraded if nothing changed for them. */
  readonly marketingEndsOn: string | null;
}

/**
 * Recent versions, oldest first. Older ones have ended; newer ones are unknown here. Sources: "Graph API changelog",
 * read 2026-11-27 (v27.0: its page of 2026-10-29), and "Marketing API version history", read 2026-11-28, which moved
 * the end of v24.0 from 2026-10-06 to 2026-11-10. See docs/meta-facts.md#api-versions.
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

/** How long before a version ends operators are warned, to leave time for reading the changelog. */
export const VERSION_NOTICE_SECONDS = 60 * 86_400;

const VERSION_PATTERN = /^v(\d{1,3})\.(\d{1,2})$/;

/** Parses `v25.0`. Returns null for anything else. */
function parseGraphVersion(text: string): GraphVersion | null {
  const match = VERSION_PATTERN.exec(text);
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Negative if `a` is older. */
function compareGraphVersions(a: GraphVersion, b: GraphVersion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** The served version relative to the requested one. Meta serves an ended version by the oldest living one. */
type VersionDrift = 'none' | 'newer' | 'older' | 'unknown';

/** Compares versions; `unknown` if the header is missing or malformed. */
export function detectVersionDrift(asked: string, served: string | undefined): VersionDrift {
  const a = parseGraphVersion(asked);
  const b = served === undefined ? null : parseGraphVersion(served);
  if (a === null || b === null) return 'unknown';
  const order = compareGraphVersions(b, a);
  return order === 0 ? 'none' : order > 0 ? 'newer' : 'older';
}

/** Returns when a version ends: an instant, `past` if it predates the table, null if no end is known. */
export function getVersionEnd(text: string, api: VersionedApi = 'graph'): Date | 'past' | null {
  const version = parseGraphVersion(text);
  const oldest = parseGraphVersion(VERSIONS[0]?.version ?? '');
  if (version === null || oldest === null) return null;
  if (compareGraphVersions(version, oldest) < 0) return 'past';
  const known = VERSIONS.find(({ version: name }) => name === text);
  const endsOn = (api === 'graph' ? known?.graphEndsOn : known?.marketingEndsOn) ?? null;
  return endsOn === null ? null : new Date(`${endsOn}T00:00:00Z`);
}

/** Whether the table has this version. Bounds what callers may request. */
export function isKnownVersion(text: string): boolean {
  return VERSIONS.some(({ version }) => version === text);
}

/** Returns the oldest living version, which Meta serves instead of an ended one. */
export function findOldestLivingVersion(now: Date, api: VersionedApi = 'graph'): string | null {
  const isLiving = ({ version, releasedOn }: VersionLifetime): boolean => {
    const end = getVersionEnd(version, api);
    return new Date(`${releasedOn}T00:00:00Z`) <= now && (end === null || (end !== 'past' && end > now));
  };
  return VERSIONS.find(isLiving)?.version ?? null;
}
