import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import type { BroughtDescription } from '../../connections/description/description.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';

/** A token to import, and what the product calls its connection. */
export interface ImportedToken extends BroughtDescription {
  tenant: string;
  product: string;
  token: SecretString;
  /** The Meta app that it belongs to. Absent: selected according to the tenant. */
  appId?: string;
}

/** Outcome of an import. `retryable`: the obstacle is temporary. */
export type ImportResult =
  | { kind: 'imported'; connectionId: ConnectionId }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'retryable'; code: string; detail: string; afterSeconds: number | null };

/** Response of `POST /v1/maintenance/refresh-sweep`. */
export interface SweepResult {
  claimed: number;
  refreshed: number;
  failed: number;
  skipped: number;
  duration_seconds: number;
}

/** Work that needs Meta, done in this process or by a running service. */
export interface VaultService {
  importToken(row: ImportedToken): Promise<ImportResult>;
  /** Refreshes everything that is due. */
  sweep(): Promise<SweepResult>;
  /** Refreshes or inspects one connection now; returns its new state. Throws `StartupError` if it does not exist. */
  runAction(connectionId: ConnectionId, work: 'refresh' | 'check'): Promise<ConnectionResponse>;
  /**
   * Rotates the token of one connection now; returns its new state. `expires` null: as the old token. Throws
   * `StartupError`.
   */
  rotate(connectionId: ConnectionId, expires: boolean | null): Promise<ConnectionResponse>;
  /** Keyed hash of a text: stable within a vault, different between vaults. Reveals nothing about the text. */
  fingerprintOf(text: string): string;
}
