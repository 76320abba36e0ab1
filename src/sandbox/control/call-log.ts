import { fingerprintOf } from '../tokens/token-codec.ts';

/** A call as shown to tests: no token and no values, only where they were. */
export interface RecordedCall {
  sequence: number;
  at: number;
  method: string;
  host: string;
  path: string;
  queryKeys: string[];
  bodyKeys: string[];
  grantType: string | null;
  /** First 8 hex digits of the access token's SHA-256; null without one. */
  fingerprint: string | null;
  tokenPlace: 'query' | 'body' | 'header' | null;
  appsecretProof: boolean;
  /** Null: the connection was cut before a response was sent. */
  status: number | null;
  inBatch: boolean;
  fault: string | null;
}

const MAX_CALLS = 1000;

/** The last 1,000 calls, and counters over all calls. */
export class CallLog {
  total = 0;
  private readonly ring: RecordedCall[] = [];
  private readonly byKey = new Map<string, number>();
  /** Keys are 48 bits of SHA-256 as numbers, a tenth of the memory of strings. Collisions are negligible. */
  private readonly exchanges = new Map<number, number>();
  private repeatedExchanges = 0;

  add(call: Omit<RecordedCall, 'sequence'>): void {
    this.total += 1;
    const recorded = { sequence: this.total, ...call };
    if (this.ring.length < MAX_CALLS) this.ring.push(recorded);
    else this.ring[(this.total - 1) % MAX_CALLS] = recorded;
    const key = `${call.host} ${call.status ?? 'cut'}`;
    this.byKey.set(key, (this.byKey.get(key) ?? 0) + 1);
  }

  /** Oldest first. */
  list(): RecordedCall[] {
    const start = this.ring.length < MAX_CALLS ? 0 : this.total % MAX_CALLS;
    return [...this.ring.slice(start), ...this.ring.slice(0, start)];
  }

  /** Counts an exchange of this token or code for a token, once it is committed. */
  countExchange(given: string): void {
    const key = Number.parseInt(fingerprintOf(given).slice(0, 12), 16);
    const count = (this.exchanges.get(key) ?? 0) + 1;
    if (count > 1) this.repeatedExchanges += 1;
    this.exchanges.set(key, count);
  }

  exchangesOf(given: string): number {
    return this.exchanges.get(Number.parseInt(fingerprintOf(given).slice(0, 12), 16)) ?? 0;
  }

  counters(): {
    calls: number;
    byHostAndStatus: Record<string, number>;
    exchanged: number;
    repeatedExchanges: number;
    mostExchanges: number;
  } {
    let exchanged = 0;
    let mostExchanges = 0;
    for (const count of this.exchanges.values()) {
      exchanged += count;
      if (count > mostExchanges) mostExchanges = count;
    }
    return {
      calls: this.total,
      byHostAndStatus: Object.fromEntries(this.byKey),
      exchanged,
      repeatedExchanges: this.repeatedExchanges,
      mostExchanges,
    };
  }

  clear(): void {
    this.total = 0;
    this.ring.length = 0;
    this.byKey.clear();
    this.exchanges.clear();
    this.repeatedExchanges = 0;
  }
}
