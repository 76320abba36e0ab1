/** Keywords that end the list of tables. */
const CLAUSES = new Set(
  'where set order group having limit offset for union except intersect returning window on values select when then do default'.split(
    ' ',
  ),
);
/** Where `FROM` names no table: `IS DISTINCT FROM x`, `extract(epoch FROM x)`. */
const VALUE_FROM = /\b(distinct\s+from|(extract|substring|trim|overlay|position)\s*\([^()]*?\sfrom)\b/gi;

/** Names where SQL expects tables (FROM, JOIN, INTO, UPDATE, USING, TABLE), those of WITH queries included. */
export function tableNames(sql: string): Set<string> {
  const text = sql
    .replace(/--[^\n]*/g, ' ')
    .replace(/'(?:[^']|'')*'/g, "''")
    .replace(VALUE_FROM, ' ');
  const tokens = text.toLowerCase().match(/[a-z_][a-z0-9_.]*|[(),?]|\S/g) ?? [];
  const names = new Set<string>();
  tokens.forEach((token, index) => {
    const previous = tokens[index - 1];
    if (token === 'from' || token === 'using') addList(tokens, index + 1, names);
    else if (token === 'join' || token === 'into' || token === 'table') addName(tokens, index + 1, names);
    // FOR UPDATE and ON CONFLICT DO UPDATE name no table.
    else if (token === 'update' && previous !== 'for' && previous !== 'do' && previous !== 'key')
      addName(tokens, index + 1, names);
  });
  return names;
}

/** Adds the name at `index`, if it is one: no subquery, no function. */
function addName(tokens: readonly string[], index: number, names: Set<string>): void {
  let at = index;
  while (tokens[at] === 'only' || tokens[at] === 'lateral') at += 1;
  const token = tokens[at];
  if (token !== undefined && /^[a-z_]/.test(token) && tokens[at + 1] !== '(') names.add(token);
  // INSERT INTO table (columns)
  else if (token !== undefined && /^[a-z_]/.test(token) && tokens[index - 1] === 'into') names.add(token);
}

/** Adds the names of `a AS x, b y, …`. */
function addList(tokens: readonly string[], start: number, names: Set<string>): void {
  addName(tokens, start, names);
  let depth = 0;
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at] ?? '';
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    if (depth < 0 || (depth === 0 && CLAUSES.has(token))) return;
    if (depth === 0 && token === ',') addName(tokens, at + 1, names);
  }
}
