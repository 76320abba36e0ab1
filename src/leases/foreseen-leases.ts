import { LRUCache } from 'lru-cache';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import type { RowMacs } from '../database/row-macs.ts';
import { cacheSize } from '../platform/cache-size.ts';
import type { ForeseenLease, LeaseInput } from './issue-lease-row.ts';
import { LEASE_MAC } from './lease-mac.ts';

interface ChosenCredential {
  connection_id: ConnectionId;
  credential_id: CredentialId;
  version: number;
  asset_type: string | null;
  token_expires_at: Date | null;
}

/** A few hundred bytes each. */
const MAX_REMEMBERED = 10_000;

const UNFORESEEN: ForeseenLease = {
  foreseenConnectionId: null,
  foreseenCredentialId: null,
  foreseenVersion: null,
  foreseenAssetType: null,
  foreseenExpiresAt: null,
  mac: null,
};

/**
 * Predicts which credential a request will get: the one similar requests got before. This lets the process compute the
 * lease's MAC up front, while one statement still chooses the credential and writes the lease. If that statement
 * chooses differently, it writes nothing, and the request is retried with its choice.
 */
export class ForeseenLeases {
  readonly #chosen = new LRUCache<string, ChosenCredential>(cacheSize(MAX_REMEMBERED));

  constructor(private readonly macs: RowMacs) {}

  /** Whether `issueForeseenLeases` is worth a try. It leaves out assets, whose choice is a search. */
  isForeseeable(input: LeaseInput): boolean {
    return input.assetId === null && this.#chosen.has(keyOf(input));
  }

  /** Returns the lease that the request gets if nothing has changed, with its MAC; nulls if nothing is known. */
  foresee(input: LeaseInput, now: Date): ForeseenLease {
    const chosen = this.#chosen.get(keyOf(input));
    if (chosen === undefined) return UNFORESEEN;
    const { connection_id: connectionId, credential_id: credentialId, token_expires_at: tokenExpiresAt } = chosen;
    const expiresAt = tokenExpiresAt !== null && tokenExpiresAt < input.expiresAt ? tokenExpiresAt : input.expiresAt;
    const mac = this.macs.compute(LEASE_MAC, {
      id: input.leaseId,
      mode: input.mode,
      secret_hash: input.secretHash,
      client_id: input.clientId,
      tenant: input.tenant,
      product: input.product,
      connection_id: connectionId,
      credential_id: credentialId,
      credential_version: chosen.version,
      asset_type: chosen.asset_type,
      asset_id: input.assetId,
      issued_at: now,
      expires_at: expiresAt,
      ancestor_ids: null,
    });
    return {
      foreseenConnectionId: connectionId,
      foreseenCredentialId: credentialId,
      foreseenVersion: chosen.version,
      foreseenAssetType: chosen.asset_type,
      foreseenExpiresAt: expiresAt,
      mac,
    };
  }

  /** Remembers the database's choice for the request. */
  learn(
    input: LeaseInput,
    { connection_id, credential_id, version, asset_type, token_expires_at }: ChosenCredential,
  ): void {
    this.#chosen.set(keyOf(input), { connection_id, credential_id, version, asset_type, token_expires_at });
  }
}

/** None of them has a space. */
function keyOf({ tenant, product, connectionId, assetId }: LeaseInput): string {
  return `${tenant} ${product} ${connectionId ?? ''} ${assetId ?? ''}`;
}
