import { oauthError } from '../http/graph-error.ts';

/** An entry of `fields=`, such as `instagram_business_account{id,username}` or `accounts.limit(5){name}`. */
export interface FieldChoice {
  name: string;
  args: Record<string, string>;
  fields: FieldChoice[] | null;
}

/** Parses Graph's field syntax. Returns null without a `fields` parameter. */
export function parseFields(text: string | undefined): FieldChoice[] | null {
  if (text === undefined || text.trim() === '') return null;
  const cursor = { text: text.replace(/\s+/g, ''), at: 0 };
  const fields = parseList(cursor);
  if (cursor.at !== cursor.text.length) throw syntaxError(text);
  return fields;
}

interface Cursor {
  text: string;
  at: number;
}

function parseList(cursor: Cursor): FieldChoice[] {
  const fields: FieldChoice[] = [];
  do {
    const name = take(cursor, /[A-Za-z0-9_]+/y);
    if (name === null) throw syntaxError(cursor.text);
    const field: FieldChoice = { name, args: {}, fields: null };
    for (
      let argument = take(cursor, /\.([a-z_]+)\(([^)]*)\)/y);
      argument !== null;
      argument = take(cursor, /\.([a-z_]+)\(([^)]*)\)/y)
    ) {
      const [, key, value] = /^\.([a-z_]+)\(([^)]*)\)$/.exec(argument) ?? [];
      field.args[key ?? ''] = value ?? '';
    }
    if (take(cursor, /\{/y) !== null) {
      field.fields = parseList(cursor);
      if (take(cursor, /\}/y) === null) throw syntaxError(cursor.text);
    }
    fields.push(field);
  } while (take(cursor, /,/y) !== null);
  return fields;
}

function take(cursor: Cursor, pattern: RegExp): string | null {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (match === null) return null;
  cursor.at += match[0].length;
  return match[0];
}

function syntaxError(text: string): Error {
  return oauthError(2500, `Syntax error "Expected end of string instead of \\"?\\"." at character 1: ${text}`);
}

/** Everything that a node can show. Functions run only if their field is requested. */
export interface NodeView {
  type: string;
  id: string;
  defaults: string[];
  fields: Record<string, unknown>;
}

/** A nested node, shown as `{id}` unless fields are requested. */
export class NodeRef {
  constructor(readonly node: NodeView) {}
}

/** A nested edge, called with its field's arguments. */
type EdgeField = (choice: FieldChoice) => unknown;

/** Shows the chosen fields and always `id`. Fields without a value are omitted (docs/meta-facts.md#page-tokens). */
export function showNode(node: NodeView, choices: FieldChoice[] | null): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  const wanted = choices ?? node.defaults.map((name) => ({ name, args: {}, fields: null }));
  for (const choice of wanted) {
    if (choice.name === 'id') shown.id = node.id;
    else if (!(choice.name in node.fields))
      throw oauthError(100, `(#100) Tried accessing nonexisting field (${choice.name}) on node type (${node.type})`);
    else {
      const value = showField(node.fields[choice.name], choice);
      if (value !== undefined && value !== null) shown[choice.name] = value;
    }
  }
  if (!('id' in shown)) shown.id = node.id;
  return shown;
}

function showField(field: unknown, choice: FieldChoice): unknown {
  const value = typeof field === 'function' ? (field as EdgeField)(choice) : field;
  return value instanceof NodeRef
    ? showNode(value.node, choice.fields ?? [{ name: 'id', args: {}, fields: null }])
    : value;
}
