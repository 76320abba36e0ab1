import { Injectable } from '@nestjs/common';
import { deriveEntryKey } from '../audit/chain/entry-mac.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { Database } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import { Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { Random } from '../platform/random.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import type { GatewayGrant } from './gateway-lease-verifier.ts';
import type { LeaseId } from './ids.ts';
import { LEASE_MAC } from './lease-mac.ts';
import { createLeaseToken } from './lease-token.ts';
import {
  type CredentialOfToken,
  findCredentialsOfTokens,
  insertReplacementLeases,
  type ReplacementLease,
  type ReplacementRow,
} from './replace-tokens.repository.ts';
import { type WrittenLease, WrittenLeaseCheck } from './written-lease-check.ts';

/** A Meta token in a response, and the id of the object that contained it, if any. */
export interface ResponseToken {
  metaToken: string;
  objectId: string | null;
}

/** The call's grant, with the expiry and ancestors for leases issued in its response. */
type Parent = Omit<GatewayGrant, 'ancestorIds'> & { endsAt: Date; ancestorIds: LeaseId[] };

/** More than occur: a batch has at most 50 items. Above this, tokens are removed: such leases must be cheap to read. */
const MAX_ANCESTORS = 64;

/** Replaces Meta's tokens in Graph responses (such as `/me/accounts`) with leases. */
@Injectable()
export class TokenReplacementService {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
    private readonly written: WrittenLeaseCheck,
    private readonly macs: RowMacs,
  ) {}

  /**
   * Issues a new gateway lease, to the same client, for each Meta token that is a credential of the grant's connection.
   * It ends with the call's lease and, in a batch, with those of `itemGrants`, whichever is first. Leases and audit
   * entries are one statement. A token Meta newly issued for a Page is matched by that Page. Other tokens get no lease,
   * nor do those whose lease or entry the database dropped.
   */
  async replaceTokens(
    grant: GatewayGrant,
    itemGrants: readonly GatewayGrant[],
    tokens: readonly ResponseToken[],
  ): Promise<Map<string, string>> {
    const parents = [grant, ...itemGrants];
    const ancestorIds = [...new Set(parents.flatMap(({ leaseId, ancestorIds: older }) => [leaseId, ...older]))];
    if (ancestorIds.length > MAX_ANCESTORS) return new Map();
    if (tokens.length === 0) return new Map();
    const endsAt = new Date(Math.min(...parents.map(({ leaseExpiresAt }) => leaseExpiresAt.getTime())));
    const credentials = await this.findCredentials(grant.connectionId, tokens);
    const now = this.clock.now();
    const drafts = credentials.map(({ metaToken, ...credential }) => ({
      metaToken,
      ...this.draft({ ...grant, endsAt, ancestorIds }, credential, now),
    }));
    if (drafts.length === 0) return new Map();
    const { failFast } = this.database;
    const rows = await insertReplacementLeases(failFast, { ...grant, ancestorIds }, now, drafts).catch(
      (error: unknown) => {
        throw this.written.explain(error);
      },
    );
    const issuedIds = await this.keepWritten(rows, drafts);
    return new Map(
      drafts.filter((draft) => issuedIds.has(draft.leaseId)).map((draft) => [draft.metaToken, draft.token]),
    );
  }

  /** Returns the tokens that are credentials of the connection. */
  private async findCredentials(
    connectionId: ConnectionId,
    tokens: readonly ResponseToken[],
  ): Promise<(Omit<CredentialOfToken, 'n'> & { metaToken: string })[]> {
    const found = tokens.map(({ metaToken, objectId: pageId }) => ({
      tokenHash: this.ring.blindIndex(metaToken),
      pageId,
    }));
    const rows = await findCredentialsOfTokens(this.database.failFast, connectionId, found);
    return rows.flatMap(({ n, ...credential }) => {
      const token = tokens[Number(n) - 1];
      return token === undefined ? [] : [{ ...credential, metaToken: token.metaToken }];
    });
  }

  /** Returns a lease for a credential, ready to be stored, with its token. */
  private draft(
    parent: Parent,
    { credential_id: credentialId, version, expires_at: tokenExpiresAt }: Omit<CredentialOfToken, 'n'>,
    now: Date,
  ): ReplacementLease & { token: string } {
    const leaseId = this.ids.next('lse');
    const auditId = this.ids.next('aud');
    const { token, secret } = createLeaseToken(leaseId, this.random);
    const secretHash = this.ring.blindIndex(secret);
    const expiresAt = tokenExpiresAt !== null && tokenExpiresAt < parent.endsAt ? tokenExpiresAt : parent.endsAt;
    const mac = this.macs.compute(LEASE_MAC, {
      id: leaseId,
      mode: 'gateway',
      secret_hash: secretHash,
      client_id: parent.clientId,
      tenant: parent.tenant,
      product: parent.product,
      connection_id: parent.connectionId,
      credential_id: credentialId,
      credential_version: version,
      asset_type: null,
      asset_id: null,
      issued_at: now,
      expires_at: expiresAt,
      ancestor_ids: parent.ancestorIds,
    });
    const auditKey = deriveEntryKey(this.ring, auditId);
    return { leaseId, token, secretHash, credentialId, credentialVersion: version, expiresAt, mac, auditId, auditKey };
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
