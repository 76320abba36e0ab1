import { idOf, itemsOf, type JsonNode, member, stringOf } from './json-node.ts';

/** The part of a Threads body that concerns one user. */
interface ThreadsNotification {
  text: string;
  /** Candidate owners, likeliest first. */
  ownerIds: string[];
}

type OwnerFinder = (value: JsonNode | undefined, body: JsonNode) => JsonNode | undefined;

const rootPostOwner: OwnerFinder = (value) => member(member(value, 'root_post'), 'owner_id');
const postOwner: OwnerFinder = (value) => member(member(value, 'owner'), 'owner_id');
/** The mentioned user of a mention. Otherwise usually a post, which matches no connection's user. */
const target: OwnerFinder = (_, body) => member(body, 'target_id');

const DEFAULT_OWNERS: readonly OwnerFinder[] = [rootPostOwner, postOwner, target];
/**
 * Fields whose root post may belong to someone else: mentions in another's thread, and the user's own replies published
 * or deleted there (docs/meta-facts.md#ids-in-threads-webhooks).
 */
const OWNERS_BY_FIELD: ReadonlyMap<string, readonly OwnerFinder[]> = new Map([
  ['mentions', [target, rootPostOwner, postOwner]],
  ['publish', [postOwner, target]],
  ['delete', [postOwner, target]],
]);

/**
 * Whether a body has Threads' form: `{app_id, topic, target_id, time, subscription_id, values}` without `object` and
 * `entry`.
 */
export function isThreadsBody(body: JsonNode): boolean {
  const values = member(body, 'values');
  return (
    (values?.kind === 'object' || values?.kind === 'array') &&
    member(body, 'object') === undefined &&
    member(body, 'entry') === undefined
  );
}

/**
 * Returns the body unchanged unless its `values` list concerns several users: then one body per user with only their
 * values, so that no user gets another's data.
 */
export function splitThreadsBody(body: JsonNode): ThreadsNotification[] {
  const values = member(body, 'values');
  const items = values?.kind === 'array' ? itemsOf(values) : values === undefined ? [] : [values];
  const groups = new Map<string, { ownerIds: string[]; items: JsonNode[] }>();
  for (const item of items) {
    const ownerIds = ownersOf(item, body);
    const group = groups.get(ownerIds.join()) ?? { ownerIds, items: [] };
    group.items.push(item);
    groups.set(ownerIds.join(), group);
  }
  const [first, ...others] = groups.values();
  if (others.length === 0) return [{ text: body.text, ownerIds: first?.ownerIds ?? [] }];
  return [...groups.values()].map((group) => ({ text: withValues(body, group.items), ownerIds: group.ownerIds }));
}

function ownersOf(item: JsonNode, body: JsonNode): string[] {
  const finders = OWNERS_BY_FIELD.get(stringOf(member(item, 'field')) ?? '') ?? DEFAULT_OWNERS;
  const value = member(item, 'value');
  return [...new Set(finders.map((find) => idOf(find(value, body))).filter((id) => id !== null))];
}

function withValues(body: JsonNode, items: readonly JsonNode[]): string {
  const values = `[${items.map(({ text }) => text).join(',')}]`;
  const members = body.kind === 'object' ? [...body.members] : [];
  const texts = members.map(([name, { text }]) => `${JSON.stringify(name)}:${name === 'values' ? values : text}`);
  return `{${texts.join(',')}}`;
}
