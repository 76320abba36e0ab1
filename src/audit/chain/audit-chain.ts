import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { computeHeadSeal, computeLinkMac, ENTRY_FIELDS, GENESIS_MAC } from './chain-encoding.ts';
import { ChainMac } from './chain-mac.ts';
import { epochMsOfId, firstAuditIdAt } from './entry-id-time.ts';
import { ENTRY_DIGEST, firstIdRequiringMac, isForged } from './entry-mac.ts';

/** One worker at a time, over all replicas. */
export const CHAIN_LOCK = 727_003;
const BATCH = 1_000;

/**
 * How far before the newest linked entry unlinked ones are looked for. Entries commit out of the order of their ids: a transaction
 * that began earlier may end later. A statement ends after 15 s, so nearly all are in within `recent`, which is what each second
 * can afford; `late` also takes those that a paused replica or a long transaction brings, and is looked through each minute and
 * before a verification. What turns up later still is not linked: nobody could tell it from an entry that was slipped into the
 * past, so the verification shows it.
 */
export const LOOK_BACK_MS = { recent: 20_000, late: 15 * 60_000 } as const;
export type LookBack = keyof typeof LOOK_BACK_MS;

/** The end of the chain is not what it was sealed as. Nothing more is linked: it would cover up what happened. */
export class AuditChainBrokenError extends Error {
  constructor(reason: string) {
    super(`the audit chain is broken: ${reason}`);
    this.name = 'AuditChainBrokenError';
  }
}

/** The head, and the last link that is there, of one and the same moment. */
export interface ChainTip {
  head: { entries: number; mac: Buffer; seal: Buffer; macsRequiredFrom: string | null } | null;
  last: { position: number; mac: Buffer } | null;
  /** The greatest id of all linked entries. */
  newestEntryId: string | null;
}

interface Entry {
  id: string;
  fields: (string | null)[];
  digest: Buffer;
  mac: Buffer | null;
}

/** The chain as it is to go on: how long it is, its last MAC, and from which id on entries without a MAC are none of ours. */
interface ChainEnd {
  entries: number;
  mac: Buffer;
  macsRequiredFrom: string | null;
}

interface NewLink {
  position: number;
  entryId: string;
  mac: Buffer;
}

interface LinkedBatch {
  linked: number;
  /** Entries that are not ours. */
  forged: string[];
  /** Where to go on; null at the end. */
  lastRead: string | null;
}

const EMPTY_BATCH: LinkedBatch = { linked: 0, forged: [], lastRead: null };

/**
 * Puts committed entries into a chain under a keyed MAC. Writers never wait for it: it reads what they have committed, locks no
 * entry, and one worker works at a time. Entries that were made by somebody else (their own MAC does not hold) are left where they
 * are, unlinked: the verification shows them, and the chain goes on with the honest ones.
 */
@Injectable()
export class AuditChain {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly mac: ChainMac,
  ) {}

  /**
   * Links what is committed and not linked yet; how many entries that were. Where another worker is at it, `wait` decides between
   * waiting for it and leaving it the work. `onForged` hears of every entry that is left out. Throws `AuditChainBrokenError`.
   */
  async linkNewEntries(
    lookBack: LookBack = 'late',
    wait = false,
    onForged: (id: string) => void = () => {},
  ): Promise<number> {
    let linked = 0;
    let after: string | null = null;
    for (;;) {
      const batch: LinkedBatch = await this.database.transaction((tx) => this.linkBatch(tx, lookBack, after, wait));
      linked += batch.linked;
      for (const id of batch.forged) onForged(id);
      if (batch.lastRead === null) return linked;
      // What lies before this was seen a moment ago.
      after = batch.lastRead;
    }
  }

  /** How many entries wait to be linked, up to 100,000. */
  async countUnlinked(): Promise<number> {
    const { newestEntryId } = await readTip(this.database);
    const [row] = await this.database.rows<{ count: number }>({
      text: `SELECT count(*)::integer AS count FROM (
        SELECT 1 FROM audit_entry e WHERE e.id >= $1
        AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id AND l.entry_id >= $1) LIMIT 100000) unlinked`,
      values: [firstLinkableId(newestEntryId, 'recent')],
    });
    return row?.count ?? 0;
  }

  private async linkBatch(
    tx: Transaction,
    lookBack: LookBack,
    after: string | null,
    wait: boolean,
  ): Promise<LinkedBatch> {
    if (!(await this.lock(tx, wait))) return EMPTY_BATCH;
    const tip = await readTip(tx);
    const end = this.verifiedEnd(tip);
    const entries = await this.readUnlinkedEntries(tx, after ?? firstLinkableId(tip.newestEntryId, lookBack));
    const links: NewLink[] = [];
    const forged: string[] = [];
    for (const entry of entries) {
      if (isForged(this.mac, entry, end.macsRequiredFrom)) forged.push(entry.id);
      else links.push(this.append(end, entry));
    }
    if (links.length > 0) await this.store(tx, links, end);
    const lastRead = entries.length < BATCH ? null : (entries.at(-1)?.id ?? null);
    return { linked: links.length, forged, lastRead };
  }

  private append(end: ChainEnd, { id, fields, mac }: Entry): NewLink {
    end.entries += 1;
    end.mac = computeLinkMac(this.mac, end.entries, end.mac, fields, mac);
    if (mac !== null) end.macsRequiredFrom ??= firstIdRequiringMac({ id, position: end.entries });
    return { position: end.entries, entryId: id, mac: end.mac };
  }

  private async lock(tx: Transaction, wait: boolean): Promise<boolean> {
    if (wait) {
      await tx.run({ text: 'SELECT pg_advisory_xact_lock($1)', values: [CHAIN_LOCK] });
      return true;
    }
    const text = 'SELECT pg_try_advisory_xact_lock($1) AS locked';
    const [row] = await tx.rows<{ locked: boolean }>({ text, values: [CHAIN_LOCK] });
    return row?.locked === true;
  }

  /** Where the chain goes on. Only an end that is proven is built upon. */
  private verifiedEnd(tip: ChainTip): ChainEnd {
    const reason = findTipFault(this.mac, tip);
    if (reason !== null) throw new AuditChainBrokenError(reason);
    return tip.head === null ? { entries: 0, mac: GENESIS_MAC, macsRequiredFrom: '' } : { ...tip.head };
  }

  /** The range stands on both sides of the anti-join: Postgres would otherwise walk the whole chain to find the end of it. */
  private readUnlinkedEntries(tx: Transaction, from: string): Promise<Entry[]> {
    return tx.rows<Entry>({
      name: 'audit_unlinked',
      text: `SELECT e.id, ${ENTRY_FIELDS} AS fields, ${ENTRY_DIGEST} AS digest, e.mac FROM audit_entry e
        WHERE e.id >= $1 AND e.id < $2
        AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id AND l.entry_id >= $1 AND l.entry_id < $2)
        ORDER BY e.id LIMIT ${BATCH}`,
      values: [from, linkableIdLimit(this.clock)],
    });
  }

  private async store(
    tx: Transaction,
    links: readonly NewLink[],
    { entries, mac, macsRequiredFrom }: ChainEnd,
  ): Promise<void> {
    await tx.run({
      text: 'INSERT INTO audit_link (position, entry_id, mac) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])',
      values: [
        links.map(({ position }) => position),
        links.map(({ entryId }) => entryId),
        links.map((link) => link.mac),
      ],
    });
    await tx.run({
      text: `INSERT INTO audit_head (id, entries, mac, seal, macs_required_from) VALUES (1, $1, $2, $3, $4)
        ON CONFLICT (id) DO UPDATE SET entries = $1, mac = $2, seal = $3, macs_required_from = $4`,
      values: [entries, mac, computeHeadSeal(this.mac, entries, mac), macsRequiredFrom],
    });
  }
}

/** The first id that may still be linked: further back lies the past, which is closed. */
export function firstLinkableId(newestEntryId: string | null, lookBack: LookBack): string {
  if (newestEntryId === null) return '';
  const newestMs = epochMsOfId(newestEntryId);
  if (newestMs === null) throw new AuditChainBrokenError('a linked entry has an id that was never given');
  return firstAuditIdAt(newestMs - LOOK_BACK_MS[lookBack]);
}

/** Beyond this id lies the future: an entry from there would close the past for all that come before its time. */
export function linkableIdLimit(clock: Clock): string {
  return firstAuditIdAt(clock.now().getTime() + LOOK_BACK_MS.late);
}

/** Reads the end of the chain, in one statement and so in one moment. */
export async function readTip(sql: SqlExecutor): Promise<ChainTip> {
  const [row] = await sql.rows<{
    entries: string | null;
    mac: Buffer;
    seal: Buffer;
    macs_required_from: string | null;
    position: string | null;
    last_mac: Buffer;
    newest_entry_id: string | null;
  }>({
    name: 'audit_tip',
    text: `SELECT h.entries, h.mac, h.seal, h.macs_required_from, l.position, l.mac AS last_mac, (SELECT max(entry_id) FROM audit_link) AS newest_entry_id
      FROM (SELECT 1) one LEFT JOIN audit_head h ON true
      LEFT JOIN LATERAL (SELECT position, mac FROM audit_link ORDER BY position DESC LIMIT 1) l ON true`,
  });
  if (row === undefined) throw new Error('the end of the audit chain can not be read');
  return {
    head:
      row.entries === null
        ? null
        : { entries: Number(row.entries), mac: row.mac, seal: row.seal, macsRequiredFrom: row.macs_required_from },
    last: row.position === null ? null : { position: Number(row.position), mac: row.last_mac },
    newestEntryId: row.newest_entry_id,
  };
}

/** What is wrong with the end of the chain, in a word; null where head, seal and last link agree. */
export function findTipFault(
  mac: ChainMac,
  { head, last }: ChainTip,
): 'head_missing' | 'head_changed' | 'cut_off' | null {
  if (head === null) return last === null ? null : 'head_missing';
  if (!computeHeadSeal(mac, head.entries, head.mac).equals(head.seal)) return 'head_changed';
  return last?.position === head.entries && last.mac.equals(head.mac) ? null : 'cut_off';
}
