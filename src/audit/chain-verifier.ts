import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import {
  AuditChain,
  AuditChainBroken,
  type ChainTip,
  linkableFrom,
  linkableUpTo,
  readTip,
  tipFault,
} from './audit-chain.ts';
import { ENTRY_FIELDS, GENESIS_MAC, linkMac } from './chain-encoding.ts';
import { ChainMac } from './chain-mac.ts';

const LINKS_A_BATCH = 2_000;
const ENTRIES_A_BATCH = 20_000;
const BEFORE_ALL_POSITIONS = '-9223372036854775808';

export interface ChainFault {
  /** `unlinked`: an entry that was put into the past or future by other means than this service. */
  reason: 'changed' | 'missing_entry' | 'missing_link' | 'cut_off' | 'head_missing' | 'head_changed' | 'unlinked';
  /** The first place where the chain does not hold, from 1; null for an entry that has none. */
  position: number | null;
  entryId: string | null;
}

export interface Verification {
  valid: boolean;
  /** How many entries the chain holds, as its head says. */
  entries: number;
  /** The MAC of the last link, in hex; null for an empty chain. */
  head: string | null;
  brokenAt: ChainFault | null;
}

interface LinkRow {
  position: string;
  entry_id: string;
  mac: Buffer;
  fields: (string | null)[] | null;
}

/**
 * Proves the whole record: every entry is the one that was linked, in its place, none is missing, none was added, none cut off.
 * What it can't see is a database that was set back as a whole to an earlier state; for that a head must be kept elsewhere.
 */
@Injectable()
export class ChainVerifier {
  #running: Promise<Verification> | null = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly chain: AuditChain,
    private readonly mac: ChainMac,
  ) {}

  /** Walks the chain in batches, in flat memory. Who asks while one is under way gets its result. */
  verify(): Promise<Verification> {
    this.#running ??= this.walk().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  private async walk(): Promise<Verification> {
    await this.linkTail();
    const tip = await readTip(this.database);
    const fault = (await this.findBrokenLink(tip)) ?? endFault(this.mac, tip) ?? (await this.findUnlinked(tip));
    return {
      valid: fault === null,
      entries: tip.head?.entries ?? 0,
      head: tip.head?.mac.toString('hex') ?? null,
      brokenAt: fault,
    };
  }

  /** A chain whose end is broken can't be continued; the walk will say where. */
  private async linkTail(): Promise<void> {
    try {
      await this.chain.linkNew('late', true);
    } catch (error) {
      if (!(error instanceof AuditChainBroken)) throw error;
    }
  }

  private async findBrokenLink(tip: ChainTip): Promise<ChainFault | null> {
    let position = 0;
    let mac: Buffer = GENESIS_MAC;
    for (let from = BEFORE_ALL_POSITIONS; ; from = String(position)) {
      const links = await this.readLinks(from, tip.last?.position ?? 0);
      for (const link of links) {
        position += 1;
        const expected = link.fields === null ? null : linkMac(this.mac, position, mac, link.fields);
        const reason = linkFault(link, position, expected);
        if (reason !== null) return { reason, position, entryId: link.entry_id };
        mac = link.mac;
      }
      if (links.length < LINKS_A_BATCH) return null;
    }
  }

  /**
   * Later links than the tip may appear meanwhile: they are the next verification's. LATERAL with a LIMIT keeps Postgres to one look-up
   * by primary key for each link; left to itself, without fresh statistics, it reads the whole record for each batch.
   */
  private readLinks(after: string, upTo: number): Promise<LinkRow[]> {
    return this.database.rows<LinkRow>({
      name: 'audit_links',
      text: `SELECT l.position, l.entry_id, l.mac, found.fields FROM (
          SELECT position, entry_id, mac FROM audit_link WHERE position > $1 AND position <= $2
          ORDER BY position LIMIT ${LINKS_A_BATCH}
        ) l LEFT JOIN LATERAL (SELECT ${ENTRY_FIELDS} AS fields FROM audit_entry e WHERE e.id = l.entry_id LIMIT 1) found ON true
        ORDER BY l.position`,
      values: [after, upTo],
    });
  }

  /** An entry outside of the chain where none can be: entries of the last minutes may be on their way into it. */
  private async findUnlinked(tip: ChainTip): Promise<ChainFault | null> {
    const past = linkableFrom(tip.newestEntryId, 'late');
    for (let after = ''; ; ) {
      const [batch] = await this.database.rows<{ last: string | null; read: number; unlinked: string | null }>({
        name: 'audit_strays',
        text: `WITH batch AS (SELECT id FROM audit_entry WHERE id > $1 AND id < $2 ORDER BY id LIMIT ${ENTRIES_A_BATCH})
          SELECT max(b.id) AS last, count(*)::integer AS read, min(b.id) FILTER (WHERE l.found IS NULL) AS unlinked
          FROM batch b LEFT JOIN LATERAL (SELECT true AS found FROM audit_link WHERE entry_id = b.id LIMIT 1) l ON true`,
        values: [after, past],
      });
      if (batch === undefined) throw new Error('the audit record can not be read');
      if (batch.unlinked !== null) return { reason: 'unlinked', position: null, entryId: batch.unlinked };
      if (batch.read < ENTRIES_A_BATCH || batch.last === null) return this.findFuture();
      after = batch.last;
    }
  }

  private async findFuture(): Promise<ChainFault | null> {
    const [stray] = await this.database.rows<{ id: string }>({
      text: `SELECT e.id FROM audit_entry e WHERE e.id >= $1
        AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id AND l.entry_id >= $1) ORDER BY e.id LIMIT 1`,
      values: [linkableUpTo(this.clock)],
    });
    return stray === undefined ? null : { reason: 'unlinked', position: null, entryId: stray.id };
  }
}

function linkFault(link: LinkRow, position: number, expected: Buffer | null): ChainFault['reason'] | null {
  if (Number(link.position) !== position) return 'missing_link';
  if (expected === null) return 'missing_entry';
  return expected.equals(link.mac) ? null : 'changed';
}

function endFault(mac: ChainMac, tip: ChainTip): ChainFault | null {
  const reason = tipFault(mac, tip);
  return reason === null ? null : { reason, position: (tip.last?.position ?? 0) + 1, entryId: null };
}
