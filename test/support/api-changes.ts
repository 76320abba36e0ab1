import type { Schema } from './answers/close-schema.ts';

/** The parts of an API document that are compared. */
export interface ApiDescription {
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

type Content = Record<string, { schema?: Schema }>;

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema }[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
}

/** Who writes what a schema describes: clients must not have to write more, nor to read anything else. */
type Direction = 'request' | 'answer';

/** What a schema says about one place in a JSON text. */
interface Place {
  types: Set<string>;
  values: Set<string> | null;
  isRequired: boolean;
}

/** Returns each change from `before` to `after` that can break a client, in words. Empty if there is none. */
export function findBreakingChanges(before: ApiDescription, after: ApiDescription): string[] {
  const changes: string[] = [];
  for (const [name, old, now] of pairOperations(before.paths, after.paths)) {
    if (now === undefined) changes.push(`${name}: removed`);
    else changes.push(...compareOperations(name, [old, before], [now, after]));
  }
  for (const [name, old, now] of pairOperations(before.webhooks, after.webhooks)) {
    if (now === undefined) changes.push(`event ${name}: removed`);
    else
      changes.push(
        ...compareContents(
          `event ${name}`,
          'answer',
          [old.requestBody?.content, before],
          [now.requestBody?.content, after],
        ),
      );
  }
  return changes;
}

function pairOperations(
  before: ApiDescription['paths'],
  after: ApiDescription['paths'],
): [name: string, old: Operation, now: Operation | undefined][] {
  return Object.entries(before).flatMap(([path, item]) =>
    Object.entries(item).map(([method, old]): [string, Operation, Operation | undefined] => [
      `${method.toUpperCase()} ${path}`,
      old,
      after[path]?.[method],
    ]),
  );
}

type Described<T> = readonly [part: T, document: ApiDescription];

function compareOperations(
  name: string,
  [old, before]: Described<Operation>,
  [now, after]: Described<Operation>,
): string[] {
  const changes: string[] = [];
  if (old.operationId !== now.operationId) changes.push(`${name}: operation renamed to ${now.operationId}`);
  const isSame = (a: { name: string; in: string }) => (b: { name: string; in: string }) =>
    a.name === b.name && a.in === b.in;
  for (const parameter of old.parameters ?? [])
    if (now.parameters?.some(isSame(parameter)) !== true) changes.push(`${name}: parameter ${parameter.name} removed`);
  for (const parameter of now.parameters ?? []) {
    const known = old.parameters?.find(isSame(parameter));
    if (parameter.required === true && known?.required !== true)
      changes.push(`${name}: parameter ${parameter.name} required`);
    if (known?.schema === undefined || parameter.schema === undefined) continue;
    const [was, is] = [flatten(known.schema, before), flatten(parameter.schema, after)];
    changes.push(...comparePlaces(`${name}: parameter ${parameter.name}`, 'request', was, is));
  }
  changes.push(
    ...compareContents(
      `${name}: body`,
      'request',
      [old.requestBody?.content, before],
      [now.requestBody?.content, after],
    ),
  );
  if (old.requestBody === undefined && now.requestBody !== undefined) changes.push(`${name}: body required`);
  for (const [status, { content }] of Object.entries(old.responses)) {
    if (!/^[23]/.test(status)) continue;
    const response = now.responses[status];
    if (response === undefined) changes.push(`${name}: ${status} removed`);
    else changes.push(...compareContents(`${name}: ${status}`, 'answer', [content, before], [response.content, after]));
  }
  return changes;
}

function compareContents(
  name: string,
  direction: Direction,
  [old = {}, before]: Described<Content | undefined>,
  [now = {}, after]: Described<Content | undefined>,
): string[] {
  return Object.entries(old).flatMap(([mediaType, { schema }]) => {
    const current = now[mediaType];
    if (current === undefined) return [`${name} ${mediaType} removed`];
    if (schema === undefined || current.schema === undefined) return [];
    return comparePlaces(name, direction, flatten(schema, before), flatten(current.schema, after));
  });
}

function comparePlaces(name: string, direction: Direction, old: Map<string, Place>, now: Map<string, Place>): string[] {
  const changes: string[] = [];
  for (const [path, was] of old) {
    const is = now.get(path);
    const at = path === '' ? name : `${name} ${path}`;
    if (is === undefined) {
      changes.push(`${at} removed`);
      continue;
    }
    // What the writer may write must be a part of what the reader expects.
    const [written, expected] = direction === 'request' ? [was, is] : [is, was];
    if (!isWithin(written.types, expected.types))
      changes.push(`${at} changed from ${[...was.types].join(' or ')} to ${[...is.types].join(' or ')}`);
    if (direction === 'answer' && was.isRequired && !is.isRequired) changes.push(`${at} no longer always there`);
    if (direction !== 'request' || was.values === null || is.values === null) continue;
    for (const value of was.values) if (!is.values.has(value)) changes.push(`${at} value ${value} removed`);
  }
  if (direction === 'answer') return changes;
  for (const [path, is] of now)
    if (is.isRequired && old.get(path)?.isRequired !== true) changes.push(`${name} ${path} required`);
  return changes;
}

function isWithin(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  // Without a type, any value is allowed.
  return whole.size === 0 || [...part].every((type) => whole.has(type) || (type === 'integer' && whole.has('number')));
}

/** Lists the places of a schema by path, such as `data[].status`. Variants of a union are places of their own. */
function flatten(schema: Schema, document: ApiDescription): Map<string, Place> {
  const places = new Map<string, Place>();
  const visit = (given: Schema, path: string, isRequired: boolean, open: readonly string[]): void => {
    const { $ref: reference, ...siblings } = given as Schema & { $ref?: string };
    if (reference !== undefined && open.includes(reference)) return;
    const within = reference === undefined ? open : [...open, reference];
    const target = reference === undefined ? {} : (document.components.schemas[nameOf(reference)] ?? {});
    const node = { ...target, ...siblings };
    addPlace(places, path, node, isRequired);
    const required = (node['required'] ?? []) as string[];
    for (const [name, property] of Object.entries((node['properties'] ?? {}) as Record<string, Schema>))
      visit(property, path === '' ? name : `${path}.${name}`, required.includes(name), within);
    for (const key of ['items', 'additionalProperties'] as const)
      if (typeof node[key] === 'object') visit(node[key] as Schema, `${path}[]`, false, within);
    for (const member of (node['allOf'] ?? []) as Schema[]) visit(member, path, isRequired, within);
    const variants = ((node['oneOf'] ?? node['anyOf'] ?? []) as Schema[]).filter(({ type }) => type !== 'null');
    variants.forEach((variant, index) => {
      const name = typeof variant['$ref'] === 'string' ? nameOf(variant['$ref']) : String(index);
      visit(variant, variants.length === 1 ? path : `${path}<${name}>`, isRequired, within);
    });
  };
  visit(schema, '', true, []);
  return places;
}

function addPlace(places: Map<string, Place>, path: string, node: Schema, isRequired: boolean): void {
  const types = [node['type'] ?? []].flat() as string[];
  const unions = ((node['oneOf'] ?? node['anyOf'] ?? []) as Schema[]).filter(({ type }) => type === 'null');
  const known = places.get(path);
  const all = [...(known?.types ?? []), ...types, ...(unions.length > 0 ? ['null'] : [])];
  const values = node['enum'] === undefined ? null : new Set((node['enum'] as unknown[]).map(String));
  places.set(path, {
    types: new Set(all),
    values: values ?? known?.values ?? null,
    isRequired: isRequired || known?.isRequired === true,
  });
}

function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** Notes for readers; no client depends on them. */
const NOTES = new Set(['description', 'summary', 'example', 'examples', 'headers', 'tags', 'security']);

/** Returns what `findBreakingChanges` reads of a document, for the copy of a release. */
export function reduceToContract({ paths, webhooks, components }: ApiDescription): ApiDescription {
  const reduced = { paths, webhooks, components: { schemas: components.schemas } };
  return JSON.parse(
    JSON.stringify(reduced, (key, value: unknown) => (NOTES.has(key) && !isPlace(value) ? undefined : value)),
  );
}

/** A property may be called `description`, too. */
function isPlace(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('type' in value || '$ref' in value);
}
