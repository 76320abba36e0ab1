import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';

/** What became of a token that was handed in. `later`: what stood in the way passes by itself. */
export type ImportResult =
  | { kind: 'imported'; connectionId: ConnectionId }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'retryable'; code: string; detail: string; afterSeconds: number | null };

/** What `POST /v1/maintenance/refresh-sweep` answers. */
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
  /** Renews everything that is due. */
  sweep(): Promise<SweepResult>;
  /** Renews or inspects one connection now; how it stands then. Throws `StartupError` for one that there is not. */
  runAction(connectionId: ConnectionId, work: 'refresh' | 'check'): Promise<ConnectionResponse>;
  /** The mark of a text, the same each time for this vault and another one for another vault. Says nothing of the text. */
  fingerprintOf(text: string): string;
}
