import type { Json } from './json.ts';

/** Keys whose values are data, not schemas. */
const DATA = new Set(['example', 'examples', 'default', 'const', 'enum', 'value', 'x-extensible-enum']);
/** Keys whose values are maps by name. */
const MAPS = new Set(['properties', 'schemas', 'headers', 'responses', 'parameters', 'paths', 'webhooks', 'content']);

/**
 * Turns what `@nestjs/swagger` writes for OpenAPI 3.0 into JSON Schema 2020-12: `examples` for `example`, and `$ref`
 * with siblings for an `allOf` of one. Examples of headers and parameters stay.
 */
export function modernizeSchemas<T>(node: T, isSchema = false, isMap = false): T {
  if (Array.isArray(node)) return node.map((each: unknown) => modernizeSchemas(each, isSchema)) as T;
  if (typeof node !== 'object' || node === null) return node;
  const result: Json = {};
  for (const [key, value] of Object.entries(isMap ? node : unwrap(node))) {
    if (!isMap && isSchema && key === 'example') result['examples'] = [value];
    else if (!isMap && DATA.has(key)) result[key] = value;
    else result[key] = modernizeSchemas(value, isSchemaAt(key, isSchema, isMap), !isMap && MAPS.has(key));
  }
  return result as T;
}

function unwrap(node: object): object {
  const { allOf, ...rest } = node as { allOf?: unknown[] };
  return Array.isArray(allOf) && allOf.length === 1 ? { ...rest, ...(allOf[0] as object) } : node;
}

function isSchemaAt(key: string, isSchema: boolean, isMap: boolean): boolean {
  return isSchema || (!isMap && (key === 'schema' || key === 'schemas'));
}
