import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Product } from '../config/config.ts';
import type { CredentialKind } from '../connections/credential-kind.ts';
import { credentialContext } from '../connections/seal-contexts.ts';
import { Batcher } from '../database/batcher.ts';
import { Database } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { KeyRing } from '../vault/key-ring.ts';
import { type SealedSecretRow, Vault } from '../vault/vault.ts';
import { parseLeaseToken } from './lease-token.ts';

/** What a gateway lease gives at this moment. */
export interface GatewayGrant {
  leaseId: string;
  clientId: string;
  tenant: string;
  product: Product;
  connectionId: string;
  credentialId: string;
  /** The version that serves now; a renewal since the lease was issued is taken up at once. */
  credentialVersion: number;
  kind: CredentialKind;
  appId: string;
  leaseExpiresAt: Date;
  scopes: string[];
  accessToken: SecretString;
}

interface GrantRow extends SealedSecretRow {
  id: string;
  secret_hash: Buffer;
  client_id: string;
  tenant: string;
  product: Product;
  connection_id: string;
  credential_id: string;
  version: number;
  kind: CredentialKind;
  app_id: string;
  expires_at: Date;
  scopes: string[];
}

/** A lease is good while its client, connection and credential are: each is looked at on every call, so an ending counts at once. */
const LIVING_LEASES = `FROM lease l
  JOIN client cl ON cl.id = l.client_id AND cl.deleted_at IS NULL
  JOIN connection c ON c.id = l.connection_id AND c.status = 'active'
  JOIN credential k ON k.id = l.credential_id`;
const GOOD = `l.mode = 'gateway' AND l.ended_at IS NULL AND l.expires_at > $2`;

const GRANTS = {
  name: 'lease_grants',
  text: `SELECT l.id, l.secret_hash, l.client_id, l.tenant, l.product, l.connection_id, l.credential_id, l.expires_at, k.version,
      k.kind, k.scopes, c.app_id, s.id AS secret_id, s.kek_id, s.wrapped_key, s.ciphertext
    ${LIVING_LEASES} JOIN sealed_secret s ON s.id = k.secret_id WHERE l.id = ANY ($1) AND ${GOOD}`,
};
const STILL_GOOD = { name: 'lease_still_good', text: `SELECT 1 ${LIVING_LEASES} WHERE l.id = $1 AND ${GOOD}` };

/**
 * The gateway's door: every call reads its lease by primary key and there is no cache, so no replica is ever behind. Calls that come
 * at the same time share one statement.
 */
@Injectable()
export class LeaseCheck {
  readonly #grants = new Batcher<string, GrantRow | null>((ids) => this.read(ids), { maxSize: 64, maxInFlight: 2 });

  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
  ) {}

  /** What the lease gives; null where the token is none of ours or its lease has ended, for whatever reason. */
  async grant(token: string): Promise<GatewayGrant | null> {
    const parts = parseLeaseToken(token);
    if (parts === null) return null;
    const row = await this.#grants.submit(parts.leaseId);
    if (row === null || !timingSafeEqual(row.secret_hash, this.ring.lookupHash(parts.secret))) return null;
    const identity = {
      tenant: row.tenant,
      connectionId: row.connection_id,
      credentialId: row.credential_id,
      kind: row.kind,
    };
    return {
      ...identity,
      leaseId: parts.leaseId,
      clientId: row.client_id,
      product: row.product,
      credentialVersion: row.version,
      appId: row.app_id,
      leaseExpiresAt: row.expires_at,
      scopes: row.scopes,
      accessToken: await this.vault.open(row, credentialContext({ ...identity, version: row.version })),
    };
  }

  /** Whether a lease that a long call began with is good still. */
  async isGood(leaseId: string): Promise<boolean> {
    const rows = await this.database.rows({ ...STILL_GOOD, values: [leaseId, this.clock.now()] });
    return rows.length === 1;
  }

  private async read(ids: string[]): Promise<(GrantRow | null)[]> {
    const rows = await this.database.rows<GrantRow>({ ...GRANTS, values: [ids, this.clock.now()] });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id) ?? null);
  }
}
