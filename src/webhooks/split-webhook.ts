import { createHash } from 'node:crypto';
import type { AnnouncedAccount } from '../connections/announced-accounts/announced-account.ts';
import type { RemovedAccount } from '../connections/assets/removed-account.service.ts';
import { findAnnouncedAccounts } from './announced-accounts.ts';
import { type EntrySubject, extractSubject } from './entry-subject.ts';
import { canonicalJson, itemsOf, type JsonNode, member, readJson, stringOf } from './json-node.ts';
import { findRemovedAccounts } from './removed-accounts.ts';

/** One entry of a delivery, split off. */
export interface WebhookEntry {
  object: string;
  /** Its own bytes out of the body, as text. */
  text: string;
  /** By what it says, not by how it is written. */
  hash: Buffer;
  subject: EntrySubject;
  /** Accounts that it says our app no longer shares. */
  removedAccounts: RemovedAccount[];
  /** Accounts that it says were shared with our app. */
  announcedAccounts: Pick<AnnouncedAccount, 'wabaId' | 'businessId'>[];
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The entries of a delivery, each content once. A body without `entry` (Threads has such) is one entry as a whole. Null where the
 * bytes are no JSON object in UTF-8.
 */
export function splitWebhook(body: Buffer): WebhookEntry[] | null {
  const root = readJson(decode(body));
  if (root?.kind !== 'object') return null;
  const object = stringOf(member(root, 'object')) ?? '';
  const entry = member(root, 'entry');
  const nodes = entry?.kind === 'array' ? itemsOf(entry) : [root];
  const entries = new Map<string, WebhookEntry>();
  for (const node of nodes) {
    const split = toEntry(object, node);
    entries.set(split.hash.toString('hex'), split);
  }
  return [...entries.values()];
}

function toEntry(object: string, node: JsonNode): WebhookEntry {
  const hash = createHash('sha256')
    .update(`${JSON.stringify(object)} ${canonicalJson(node)}`)
    .digest();
  const subject = extractSubject(object, node);
  return {
    object,
    text: node.text,
    hash,
    subject,
    announcedAccounts: findAnnouncedAccounts(object, node),
    removedAccounts: findRemovedAccounts(object, node),
  };
}

/** An empty text, which is no JSON, where the bytes are no UTF-8. */
function decode(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    return '';
  }
}
