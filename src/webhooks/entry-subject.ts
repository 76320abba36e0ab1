import type { AssetType } from '../connections/credentials/credential-kind.ts';
import type { TokenHostName } from '../meta/graph/graph-host.ts';
import { idOf, itemsOf, type JsonNode, member, stringOf } from './json-node.ts';

/** An asset named by an entry. */
export interface SubjectAsset {
  type: AssetType;
  id: string;
  /** Parents it must belong to, as a number moves between accounts. Absent: any. */
  parentIds?: readonly string[];
}

/** What an entry is about (docs/meta-facts.md#webhooks-of-meta). */
export interface EntrySubject {
  assets: SubjectAsset[];
  /** The user's ids, if the entry is about a user. */
  userIds: string[];
  /**
   * Null: all ids belong to the user. Otherwise the ids are candidates, likeliest first, for a user of this host's app.
   */
  guessedOwnerHost: TokenHostName | null;
  /** Says that our access may have ended or shrunk. Never trusted, only a reason to inspect. */
  isAboutAccess: boolean;
}

type SubjectFinder = (entry: JsonNode) => Pick<EntrySubject, 'assets' | 'userIds'>;

/** The `object` under which Threads' notifications are relayed. */
export const THREADS_OBJECT = 'threads';

const byEntryId =
  (type: AssetType): SubjectFinder =>
  (entry) => ({ assets: assetsOf(type, [member(entry, 'id')]), userIds: [] });

const byMetaUser: SubjectFinder = (entry) => ({
  assets: [],
  userIds: idsOf([member(entry, 'id'), member(entry, 'uid')]),
});

/** `account_update` to partners has the portfolio as its id and the account in `waba_info`. */
const byWhatsapp: SubjectFinder = (entry) => {
  const values = itemsOf(member(entry, 'changes')).map((change) => member(change, 'value'));
  const accounts = values.map((value) => member(member(value, 'waba_info'), 'waba_id'));
  const phones = values.map((value) => member(member(value, 'metadata'), 'phone_number_id'));
  const parentIds = idsOf([member(entry, 'id'), ...accounts]);
  return {
    assets: [
      ...parentIds.map((id) => ({ type: 'whatsapp_business_account' as const, id })),
      ...idsOf(phones).map((id) => ({ type: 'phone_number' as const, id, parentIds })),
    ],
    userIds: [],
  };
};

/** Our ad account ids have the `act_` prefix that Graph's paths require; events have the bare number. */
const byAdAccount: SubjectFinder = (entry) => {
  const ids = idsOf([member(entry, 'id')]).map((id) => (id.startsWith('act_') ? id : `act_${id}`));
  return { assets: ids.map((id) => ({ type: 'ad_account', id })), userIds: [] };
};

const SUBJECT_FINDERS: Readonly<Record<string, SubjectFinder>> = {
  page: byEntryId('page'),
  instagram: byEntryId('instagram_account'),
  whatsapp_business_account: byWhatsapp,
  ad_account: byAdAccount,
  permissions: byMetaUser,
  user: byMetaUser,
  [THREADS_OBJECT]: byMetaUser,
};

/** A metrics label: known objects by name, all others as `other`. */
export function objectLabel(object: string): string {
  return Object.hasOwn(SUBJECT_FINDERS, object) ? object : 'other';
}

export function extractSubject(object: string, entry: JsonNode): EntrySubject {
  const find = Object.hasOwn(SUBJECT_FINDERS, object) ? SUBJECT_FINDERS[object] : undefined;
  const found = find?.(entry) ?? { assets: [], userIds: [] };
  return { ...found, guessedOwnerHost: null, isAboutAccess: isAboutAccess(object, entry) };
}

/** The subject of a Threads notification, which is never about access. */
export function threadsSubject(ownerIds: string[]): EntrySubject {
  return { assets: [], userIds: ownerIds, guessedOwnerHost: 'threads', isAboutAccess: false };
}

/**
 * A permission not `granted`, an update of the account itself (partner removed, account disabled), or a blocked Page.
 * `verb: remove` in a feed only removes a post.
 */
function isAboutAccess(object: string, entry: JsonNode): boolean {
  const ofChange = itemsOf(member(entry, 'changes')).some((change) => {
    const field = stringOf(member(change, 'field'));
    const verb = stringOf(member(change, 'verb')) ?? stringOf(member(member(change, 'value'), 'verb'));
    if (object === 'permissions' || field === 'permissions') return verb !== 'granted';
    return field === 'account_update';
  });
  return (
    ofChange || itemsOf(member(entry, 'messaging')).some((event) => member(event, 'policy-enforcement') !== undefined)
  );
}

function assetsOf(type: AssetType, nodes: (JsonNode | undefined)[]): EntrySubject['assets'] {
  return idsOf(nodes).map((id) => ({ type, id }));
}

function idsOf(nodes: (JsonNode | undefined)[]): string[] {
  return [...new Set(nodes.map(idOf).filter((id) => id !== null))];
}
