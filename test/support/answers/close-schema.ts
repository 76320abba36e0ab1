export type Schema = { [key: string]: unknown };

/**
 * Which objects refuse properties that they do not describe: all of them, all but the outermost (a component in an
 * `allOf`, whose other members add properties), or none (what narrows a component).
 */
type Mode = 'closed' | 'outer open' | 'open';

/** Keys whose values are lists of schemas, maps of them, or one. */
const LISTS = new Set(['oneOf', 'anyOf', 'prefixItems']);
const MAPS = new Set(['properties', 'patternProperties', '$defs']);
const SINGLE = new Set(['items', 'additionalProperties', 'not', 'contains']);

/**
 * Returns the schema with its objects closed: documents leave them open, so that clients tolerate new fields.
 * References point to the components in schema `closed` or, within an `allOf`, `open`.
 */
export function closeSchema(schema: Schema, mode: Mode = 'closed'): Schema {
  const isOpen = mode !== 'closed' || 'additionalProperties' in schema;
  const isCombined = 'allOf' in schema || ('properties' in schema && ('oneOf' in schema || 'anyOf' in schema));
  const inner = mode === 'open' ? 'open' : 'closed';
  const result: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref') result[key] = toReference(String(value), mode);
    else if (key === 'allOf') result[key] = (value as Schema[]).map(closeMember);
    else if (LISTS.has(key))
      result[key] = (value as Schema[]).map((each) => closeSchema(each, isCombined ? 'outer open' : mode));
    else if (MAPS.has(key))
      result[key] = mapValues(value as Record<string, Schema>, (each) => closeSchema(each, inner));
    else if (SINGLE.has(key) && isSchema(value)) result[key] = closeSchema(value, inner);
    else result[key] = value;
  }
  if (isOpen || !(isCombined || 'properties' in schema)) return result;
  return { ...result, [isCombined ? 'unevaluatedProperties' : 'additionalProperties']: false };
}

function closeMember(member: Schema): Schema {
  return closeSchema(member, '$ref' in member ? 'outer open' : 'open');
}

function toReference(reference: string, mode: Mode): string {
  return reference.replace('#/components/schemas/', mode === 'closed' ? 'closed#/$defs/' : 'open#/$defs/');
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapValues(map: Record<string, Schema>, change: (schema: Schema) => Schema): Record<string, Schema> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]));
}
