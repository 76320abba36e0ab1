import { Injectable } from '@nestjs/common';
import { raw } from 'sql-template-tag';
import { deriveEntryKey, insertEntriesSql } from '../audit/chain/entry-mac.ts';
import { Database } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { Random } from '../platform/random.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import type { GatewayGrant } from './gateway-lease-verifier.ts';
import { createLeaseToken } from './lease-token.ts';

/** A token of Meta's in an answer, and the id of the object that it stood in, where it had one. */
export interface ResponseToken {
  metaToken: string;
  objectId: string | null;
}

/** Leases in the place of Meta's tokens that an answer of Meta's brought (`/me/accounts`). */
@Injectable()
export class TokenReplacementService {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
  ) {}

  /**
   * A fresh gateway lease for each of Meta's tokens that is a credential of the grant's connection, for the same client and no
   * longer than the lease that asked; with their audit entries, in one statement. A token that is not known, because Meta gave
   * the Page a new one, is known by its Page. Other tokens get none.
   */
  async replaceTokens(grant: GatewayGrant, tokens: readonly ResponseToken[]): Promise<Map<string, string>> {
    const drafts = tokens.map(({ metaToken, objectId }) => {
      const leaseId = this.ids.next('lse');
      const auditId = this.ids.next('aud');
      const auditKey = deriveEntryKey(this.ring, auditId);
      return { metaToken, objectId, leaseId, auditId, auditKey, ...createLeaseToken(leaseId, this.random) };
    });
    if (drafts.length === 0) return new Map();
    const issued = await this.database.failFast.rows<{ id: string }>({
      name: 'lease_replace_tokens',
      text: `WITH lease_input AS (
          SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $12::bytea[], $13::text[])
            AS w (lease_id, secret_hash, token_hash, audit_id, audit_key, page_id)
        ), issued AS (
          INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
            issued_at, expires_at)
          SELECT w.lease_id, w.secret_hash, 'gateway', $5, k.connection_id, k.id, k.version, $6, $7, $8, least($9, k.expires_at)
          FROM lease_input w JOIN LATERAL (
            SELECT * FROM credential c
            WHERE c.connection_id = $10 AND c.health <> 'invalid' AND c.secret_id IS NOT NULL
              AND (c.token_hash = w.token_hash OR (c.kind = 'page' AND c.subject_id = w.page_id))
            ORDER BY c.token_hash IS NOT DISTINCT FROM w.token_hash DESC LIMIT 1
          ) k ON true
          RETURNING id, credential_id, credential_version
        ), recorded AS (
          ${
            insertEntriesSql(
              raw(`SELECT w.audit_id, $8::timestamptz, 'lease.issued', 'client', $5::text, $6::text, $7::text, $10::text, i.id, NULL::text,
            json_build_object('mode', 'gateway', 'credential_id', i.credential_id, 'credential_version', i.credential_version,
              'parent_lease_id', $11::text), w.audit_key
          FROM issued i JOIN lease_input w ON w.lease_id = i.id`),
            ).text
          }
        ) SELECT id FROM issued`,
      values: [
        drafts.map((draft) => draft.leaseId),
        drafts.map((draft) => this.ring.blindIndex(draft.secret)),
        drafts.map((draft) => this.ring.blindIndex(draft.metaToken)),
        drafts.map((draft) => draft.auditId),
        grant.clientId,
        grant.tenant,
        grant.product,
        this.clock.now(),
        grant.leaseExpiresAt,
        grant.connectionId,
        grant.leaseId,
        drafts.map((draft) => draft.auditKey),
        drafts.map((draft) => draft.objectId),
      ],
    });
    const issuedIds = new Set(issued.map((row) => row.id));
    return new Map(
      drafts.filter((draft) => issuedIds.has(draft.leaseId)).map((draft) => [draft.metaToken, draft.token]),
    );
  }
}
