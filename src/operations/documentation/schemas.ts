import type { Json } from './json.ts';

/** Keys whose values are data, not schemas. */
const DATA = new Set(['example', 'examples', 'default', 'const', 'enum', 'value', 'x-extensible-enum']);
/** Keys whose values are maps by name. */
const MAPS = new Set(['properties', 'schemas', 'headers', 'responses', 'parameters', 'paths', 'webhooks', 'content']);

/** Turns `example` of schemas into `examples`, which JSON Schema 2020-12 knows. Examples of headers stay. */
export function modernizeSchemas<T>(node: T, isSchema = false, isMap = false): T {
  if (Array.isArray(node)) return node.map((each: unknown) => modernizeSchemas(each, isSchema)) as T;
  if (typeof node !== 'object' || node === null) return node;
  const result: Json = {};
  for (const [key, value] of Object.entries(node as Json)) {
    if (!isMap && isSchema && key === 'example') result['examples'] = [value];
    else if (!isMap && DATA.has(key)) result[key] = value;
    else result[key] = modernizeSchemas(value, isSchemaAt(key, isSchema, isMap), !isMap && MAPS.has(key));
  }
  return result as T;
}

function isSchemaAt(key: string, isSchema: boolean, isMap: boolean): boolean {
  return isSchema || (!isMap && (key === 'schema' || key === 'schemas'));
}
