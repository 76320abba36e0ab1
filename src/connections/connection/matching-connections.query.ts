/**
 * A range condition on a list of connections, which one connection in a million or all may match. Postgres plans a
 * range without knowing how much it matches, and the wrong way of reading takes seconds. So each range comes with both
 * ways, and its first matches decide.
 */
export interface RangeMatch {
  name: string;
  /** What to select: the ids of its connections, in the order of an index. */
  found: string;
  /** Connections `c` that match, to be read in the order of ids: no index may fit, and many are expected to match. */
  walked: string;
}

/** Up to this many matches are sorted; more are so common that a page of them is soon found in the order of ids. */
const MAX_SORTED_MATCHES = 10_000;

/** The lower case of a text begins with the search: a range, as both are compared byte by byte. */
const beginsWithText = (column: string): string =>
  `lower(${column}) COLLATE "C" >= lower(:text) AND lower(${column}) COLLATE "C" < lower(:text) || chr(1114111)`;

/** What a search finds exactly, each by an index of its own. */
export const EXACT_MATCHES: readonly string[] = [
  'connection c WHERE c.id = lower(:text)',
  'connection c WHERE c.reference = :text',
  'connection c WHERE c.meta_user_id = :text',
  'asset a JOIN connection c ON c.id = a.connection_id WHERE a.id = :text',
];

/** What a search finds by how a text begins. `CASE` uses no index and counts as common. */
export const PREFIX_MATCHES: readonly RangeMatch[] = [
  {
    name: 'tenant_match',
    found: `c.id FROM connection c WHERE ${beginsWithText('c.tenant')}
      ORDER BY lower(c.tenant) COLLATE "C" LIMIT :maxSorted`,
    walked: `connection c WHERE CASE WHEN ${beginsWithText('c.tenant')} THEN true END`,
  },
  {
    name: 'name_match',
    found: `a.connection_id AS id FROM asset a WHERE ${beginsWithText('a.name')}
      ORDER BY lower(a.name) COLLATE "C" LIMIT :maxSorted`,
    walked: `asset a JOIN connection c ON c.id = a.connection_id
      WHERE a.connection_id > :after AND CASE WHEN ${beginsWithText('a.name')} THEN true END`,
  },
];

/** A credential, or access to the user's data, expires before `:before`. */
export const EXPIRES_BEFORE = `(c.data_access_expires_at < :before
  OR (SELECT min(k.expires_at) FROM credential k WHERE k.connection_id = c.id) < :before)`;

export const EXPIRY_MATCH: RangeMatch = {
  name: 'expiring',
  found: `ending.id FROM ((SELECT k.connection_id AS id FROM credential k WHERE k.expires_at < :before
      ORDER BY k.expires_at LIMIT :maxSorted)
    UNION ALL
    (SELECT c.id FROM connection c WHERE c.data_access_expires_at < :before
      ORDER BY c.data_access_expires_at LIMIT :maxSorted)) ending`,
  walked: `connection c WHERE ${EXPIRES_BEFORE}`,
};

/**
 * The condition that `c` is among the first `:pageSize` connections of one of the matches that also meet the other
 * conditions, by id: a page of each is read rather than all. Besides the parameters of the matches and conditions, it
 * takes `maxSorted` of `MATCH_PARAMETERS`, `after` ('': from the beginning), and `pageSize`.
 */
export function isInPageOf(
  exact: readonly string[],
  ranges: readonly RangeMatch[],
  otherConditions: readonly string[],
): string {
  const others = otherConditions.map((condition) => ` AND ${condition}`).join('');
  const pageOf = (from: string) => `(SELECT DISTINCT c.id FROM ${from}${others} ORDER BY c.id LIMIT :pageSize)`;
  const found = ranges.map((range) => `${range.name} AS MATERIALIZED (SELECT ${range.found})`);
  const pages = ranges.flatMap(({ name, walked }) => {
    const isRare = `(SELECT count(*) FROM ${name}) <= ${MAX_SORTED_MATCHES}`;
    // OFFSET 0: read by id, rather than all connections for a few matches.
    const rare = `${name} m, LATERAL (SELECT * FROM connection WHERE id = m.id OFFSET 0) c WHERE ${isRare}`;
    return [pageOf(rare), pageOf(`${walked} AND NOT ${isRare}`)];
  });
  return `c.id IN (WITH ${found.join(', ')} ${[...exact.map(pageOf), ...pages].join(' UNION ALL ')})`;
}

export const MATCH_PARAMETERS = { maxSorted: MAX_SORTED_MATCHES + 1 };
