import { createHash } from 'node:crypto';
import type { AnnouncedAccount } from '../connections/announced-accounts/announced-account.ts';
import type { RemovedAccount } from '../connections/assets/removed-account.service.ts';
import { findAnnouncedAccounts } from './announced-accounts.ts';
import { type EntrySubject, extractSubject, THREADS_OBJECT, threadsSubject } from './entry-subject.ts';
import { canonicalJson, idOf, itemsOf, type JsonNode, member, readJson, stringOf } from './json-node.ts';
import { findRemovedAccounts } from './removed-accounts.ts';
import { isThreadsBody, splitThreadsBody } from './threads-webhook.ts';

/** One entry of a delivery. */
export interface WebhookEntry {
  object: string;
  /** The entry's own bytes from the body, as text. */
  text: string;
  /** Hash of the content, regardless of its formatting. */
  hash: Buffer;
  subject: EntrySubject;
  /** The app the body names as its own; null: none. */
  appId: string | null;
  /** Accounts the entry says are no longer shared with our app. */
  removedAccounts: RemovedAccount[];
  /** Accounts the entry says were shared with our app. */
  announcedAccounts: Pick<AnnouncedAccount, 'wabaId' | 'businessId'>[];
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Splits a delivery into entries, dropping duplicates. A body without `entry` is a single entry; Threads' bodies get
 * the object `threads`. Null if the body is not a JSON object in UTF-8.
 */
export function splitWebhook(body: Buffer): WebhookEntry[] | null {
  const root = readJson(decode(body));
  if (root?.kind !== 'object') return null;
  const entries = new Map<string, WebhookEntry>();
  for (const entry of isThreadsBody(root) ? threadsEntries(root) : graphEntries(root))
    entries.set(entry.hash.toString('hex'), entry);
  return [...entries.values()];
}

function graphEntries(root: JsonNode): WebhookEntry[] {
  const object = stringOf(member(root, 'object')) ?? '';
  const entry = member(root, 'entry');
  const nodes = entry?.kind === 'array' ? itemsOf(entry) : [root];
  return nodes.map((node) => ({
    object,
    text: node.text,
    hash: hashOf(object, node),
    subject: extractSubject(object, node),
    appId: null,
    announcedAccounts: findAnnouncedAccounts(object, node),
    removedAccounts: findRemovedAccounts(object, node),
  }));
}

function threadsEntries(root: JsonNode): WebhookEntry[] {
  return splitThreadsBody(root).map(({ text, ownerIds }) => ({
    object: THREADS_OBJECT,
    text,
    hash: hashOf(THREADS_OBJECT, readJson(text) ?? root),
    subject: threadsSubject(ownerIds),
    appId: idOf(member(root, 'app_id')),
    announcedAccounts: [],
    removedAccounts: [],
  }));
}

function hashOf(object: string, node: JsonNode): Buffer {
  return createHash('sha256')
    .update(`${JSON.stringify(object)} ${canonicalJson(node)}`)
    .digest();
}

/** Empty, and so invalid JSON, if the bytes are not UTF-8. */
function decode(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    return '';
  }
}
