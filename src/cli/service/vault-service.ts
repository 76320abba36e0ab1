import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import type { SecretString } from '../../platform/secret-string.ts';

/** What became of a token that was handed in. `later`: what stood in the way passes by itself. */
export type ImportAnswer =
  | { kind: 'in'; connectionId: string }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'later'; code: string; detail: string; afterSeconds: number | null };

/** What `POST /v1/maintenance/refresh-sweep` answers. */
export interface SweepAnswer {
  claimed: number;
  refreshed: number;
  failed: number;
  skipped: number;
  duration_seconds: number;
}

/** What commands need somebody for who talks to Meta. */
export interface VaultService {
  importToken(row: { tenant: string; product: string; token: SecretString }): Promise<ImportAnswer>;
  /** Renews everything that is due. */
  sweep(): Promise<SweepAnswer>;
  /** Renews or inspects one connection now; how it stands then. Throws `StartFailure` for one that there is not. */
  workOn(connectionId: string, work: 'refresh' | 'check'): Promise<ConnectionView>;
  /** The mark of a text, the same each time for this vault and another one for another vault. Says nothing of the text. */
  markOf(text: string): string;
}
