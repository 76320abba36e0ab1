import { DEFAULT_PAGE_SIZE } from '../graph/paging.ts';
import type { FaultEffect, GraphCall } from '../http/graph-call.ts';
import type { GraphFailure } from '../http/graph-error.ts';
import { fingerprintOf } from '../tokens/token-codec.ts';

/** The calls that a fault applies to. Every given field must match. */
export interface FaultMatch {
  host?: string;
  method?: string;
  /** Regular expression for the path after the host, version included. */
  pathPattern?: string;
  grantType?: string;
  /** The token that a call inspects or exchanges: the token itself, or the first 8 to 16 hex digits of its SHA-256. */
  inputToken?: string;
  /** The token that authenticates the call, in the same two forms. */
  accessToken?: string;
  /** Owner of a token that the call uses or names. */
  userId?: string;
  inBatch?: boolean;
  /** Lists requested with a `limit` above this; 25 if the call has none. */
  limitAbove?: number;
}

export type Fault =
  | { kind: 'status'; status: number; body?: unknown; contentType?: string; headers?: Record<string, string> }
  | ({ kind: 'graph_error' } & Partial<Omit<GraphFailure, 'code'>> & { code: number })
  | { kind: 'throttle'; code?: number; subcode?: number; usage?: Record<string, unknown> }
  | { kind: 'html'; status?: number }
  | { kind: 'text_200'; text?: string }
  | { kind: 'drop_before' }
  | { kind: 'drop_after_commit' }
  | { kind: 'truncate'; bytes?: number }
  | { kind: 'delay'; delayMs: number }
  | { kind: FaultEffect };

export interface FaultRule {
  id: string;
  match: FaultMatch;
  /** Remaining number of applications; null: unlimited. */
  times: number | null;
  probability: number;
  fault: Fault;
  struck: number;
}

/** Scripted faults in the order they were added. Several may apply to one call. */
export class FaultScript {
  rules: FaultRule[] = [];
  private count = 0;

  constructor(
    private readonly randomFraction: () => number,
    private readonly ownerOf: (token: string) => string | null,
  ) {}

  add(rule: { match?: FaultMatch; times?: number | null; probability?: number; fault: Fault }): FaultRule {
    this.count += 1;
    const full = {
      id: `fault-${this.count}`,
      match: rule.match ?? {},
      times: rule.times ?? null,
      probability: rule.probability ?? 1,
      fault: rule.fault,
      struck: 0,
    };
    if (full.match.pathPattern !== undefined) new RegExp(full.match.pathPattern);
    this.rules.push(full);
    return full;
  }

  clear(id?: string): void {
    this.rules = id === undefined ? [] : this.rules.filter((rule) => rule.id !== id);
  }

  /** Returns the faults that apply to this call and counts them as used. */
  take(call: GraphCall): Fault[] {
    if (this.rules.length === 0) return [];
    const struck = this.rules.filter(
      (rule) =>
        rule.times !== 0 &&
        this.matches(rule.match, call) &&
        (rule.probability >= 1 || this.randomFraction() < rule.probability),
    );
    for (const rule of struck) {
      rule.struck += 1;
      if (rule.times !== null) rule.times -= 1;
    }
    return struck.map((rule) => rule.fault);
  }

  private matches(match: FaultMatch, call: GraphCall): boolean {
    if (match.host !== undefined && match.host !== call.host) return false;
    if (match.method !== undefined && match.method.toUpperCase() !== call.method) return false;
    if (match.grantType !== undefined && match.grantType !== call.params.get('grant_type')) return false;
    if (match.inBatch !== undefined && match.inBatch !== call.inBatch) return false;
    if (match.limitAbove !== undefined && !(Number(call.params.get('limit') ?? DEFAULT_PAGE_SIZE) > match.limitAbove))
      return false;
    const path = `/${call.requestedVersion === null ? '' : `${call.requestedVersion}/`}${call.path.join('/')}`;
    if (match.pathPattern !== undefined && !new RegExp(match.pathPattern).test(path)) return false;
    const input = inputTokenOf(call);
    if (match.inputToken !== undefined && !isToken(match.inputToken, input)) return false;
    if (match.accessToken !== undefined && !isToken(match.accessToken, call.token)) return false;
    if (match.userId === undefined) return true;
    return [input, call.token].some((token) => token !== null && this.ownerOf(token) === match.userId);
  }
}

const effects: readonly string[] = [
  'omit_expires_in',
  'same_token',
  'shorter_expiry',
  'other_user',
  'fewer_scopes',
  'empty_page',
  'null_item',
] satisfies FaultEffect[];

/** Whether a fault changes a response instead of replacing it. */
export function isEffect(fault: Fault): fault is { kind: FaultEffect } {
  return effects.includes(fault.kind);
}

/** Returns the token that a call exchanges or inspects. */
function inputTokenOf(call: GraphCall): string | null {
  const named =
    call.params.get('fb_exchange_token') ?? call.params.get('input_token') ?? call.params.get('revoke_token');
  return named ?? (call.params.has('grant_type') ? call.token : null);
}

function isToken(wanted: string, token: string | null): boolean {
  if (token === null) return false;
  return wanted === token || (/^[0-9a-f]{8,16}$/.test(wanted) && fingerprintOf(token).startsWith(wanted));
}
