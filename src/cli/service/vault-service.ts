import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';

/** What became of an imported token. `later`: the obstacle is temporary. */
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
  importToken(row: { tenant: string; product: string; token: SecretString }): Promise<ImportResult>;
  /** Refreshes everything that is due. */
  sweep(): Promise<SweepResult>;
  /** Refreshes or inspects one connection now; returns its state after that. Throws `StartupError` if it does not exist. */
  runAction(connectionId: ConnectionId, work: 'refresh' | 'check'): Promise<ConnectionResponse>;
  /** Rotates the token of one connection now; returns its state after that. `expires`: null for what the old one has. Throws `StartupError`. */
  rotate(connectionId: ConnectionId, expires: boolean | null): Promise<ConnectionResponse>;
  /** The fingerprint of a text: stable for this vault, different for another vault. Reveals nothing of the text. */
  fingerprintOf(text: string): string;
}
