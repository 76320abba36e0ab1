import { Injectable } from '@nestjs/common';
import { deriveEntryKey } from '../audit/chain/entry-mac.ts';
import { Database } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { Random } from '../platform/random.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import type { GatewayGrant } from './gateway-lease-verifier.ts';
import type { LeaseId } from './ids.ts';
import { createLeaseToken } from './lease-token.ts';
import { insertReplacementLeases, type ReplacementRow } from './replace-tokens.repository.ts';
import { type WrittenLease, WrittenLeaseCheck } from './written-lease-check.ts';

/** One of Meta's tokens in a response, and the id of the object that contained it, if it had one. */
export interface ResponseToken {
  metaToken: string;
  objectId: string | null;
}

/** More than occur: a batch has at most 50 items. Beyond it tokens are removed, so that reading such a lease stays cheap. */
const MAX_ANCESTORS = 64;

/** Replaces Meta's tokens in Graph responses (`/me/accounts`) by leases. */
@Injectable()
export class TokenReplacementService {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
    private readonly written: WrittenLeaseCheck,
  ) {}

  /**
   * A fresh gateway lease for each of Meta's tokens that is a credential of the grant's connection, for the same client. It ends with
   * the call's lease, and in a batch with each of `itemGrants`, whichever ends first; with their audit entries, in one statement. An unknown token, because Meta gave
   * the Page a new one, is matched by its Page. Other tokens get none, and so does one whose lease or entry the database did not keep.
   */
  async replaceTokens(
    grant: GatewayGrant,
    itemGrants: readonly GatewayGrant[],
    tokens: readonly ResponseToken[],
  ): Promise<Map<string, string>> {
    const parents = [grant, ...itemGrants];
    const ancestorIds = [...new Set(parents.flatMap(({ leaseId, ancestorIds: older }) => [leaseId, ...older]))];
    if (ancestorIds.length > MAX_ANCESTORS) return new Map();
    const drafts = tokens.map(({ metaToken, objectId }) => {
      const leaseId = this.ids.next('lse');
      const auditId = this.ids.next('aud');
      const auditKey = deriveEntryKey(this.ring, auditId);
      return { metaToken, pageId: objectId, leaseId, auditId, auditKey, ...createLeaseToken(leaseId, this.random) };
    });
    if (drafts.length === 0) return new Map();
    const leases = drafts.map(({ metaToken, secret, ...lease }) => ({
      ...lease,
      secretHash: this.ring.blindIndex(secret),
      tokenHash: this.ring.blindIndex(metaToken),
    }));
    const expiresAt = new Date(Math.min(...parents.map(({ leaseExpiresAt }) => leaseExpiresAt.getTime())));
    const parent = { ...grant, expiresAt, ancestorIds };
    const rows = await insertReplacementLeases(this.database.failFast, parent, this.clock.now(), leases).catch(
      (error: unknown) => {
        throw this.written.explain(error);
      },
    );
    const issuedIds = await this.keepWritten(rows, drafts);
    return new Map(
      drafts.filter((draft) => issuedIds.has(draft.leaseId)).map((draft) => [draft.metaToken, draft.token]),
    );
  }

  private async keepWritten(rows: readonly ReplacementRow[], drafts: readonly WrittenLease[]): Promise<Set<LeaseId>> {
    const outcomes = new Map(rows.map(({ id, outcome }) => [id, outcome]));
    const issued = drafts.filter(({ leaseId }) => outcomes.get(leaseId) === 'issued');
    if (issued.length > 0 && rows.some((row) => row.is_interfered_with)) {
      for (const [id, outcome] of await this.written.findUnwritten(issued)) outcomes.set(id, outcome);
    }
    const issuedIds = new Set<LeaseId>();
    for (const [id, outcome] of outcomes) {
      if (outcome === 'issued') issuedIds.add(id);
      else this.written.refuse(id, outcome);
    }
    return issuedIds;
  }
}
