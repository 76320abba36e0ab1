import { createHash } from 'node:crypto';
import { toInvalidTokenMessage } from '../http/graph-error.ts';
import type { AppRecord, Grant, PageRole, Principal, PrincipalKind } from '../state/records.ts';
import type { SandboxStore } from '../state/sandbox-store.ts';
import { decodeToken, encodeToken, fingerprintOf, type TokenClaims, tokenRandomBytes } from './token-codec.ts';

/** Why a token is refused. */
export interface TokenDeath {
  message: string;
  code: number;
  subcode?: number;
}

/** A token's current state. */
export interface TokenView {
  token: string;
  claims: TokenClaims;
  app: AppRecord;
  principal: Principal;
  grant: Grant;
  scopes: string[];
  expiresAt: number;
  death: TokenDeath | null;
}

export interface MintRequest {
  appId: string;
  principalId: string;
  kind: PrincipalKind;
  /** Seconds from now; null: never. */
  expiresIn: number | null;
  longLived: boolean;
}

const DATA_ACCESS_LIFETIME_MS = 90 * 86_400_000;

/** Issues tokens and checks whether they are still valid. */
export class TokenIssuer {
  constructor(
    private readonly store: SandboxStore,
    private readonly now: () => number,
    private readonly randomBytes: (size: number) => Buffer,
  ) {}

  mint(request: MintRequest): { token: string; expiresAt: number } {
    const issuedAt = Math.floor(this.now());
    const expiresAt = request.expiresIn === null ? 0 : Math.round(issuedAt + request.expiresIn * 1000);
    this.store.sequence += 1;
    const claims: TokenClaims = {
      kind: request.kind,
      appId: request.appId,
      principalId: request.principalId,
      pageId: null,
      issuedAt,
      expiresAt,
      epoch: this.store.principals.get(request.principalId)?.grants[request.appId]?.epoch ?? 0,
      longLived: request.longLived,
      sequence: this.store.sequence,
    };
    return { token: encodeToken(this.store.tokenKey, claims, this.randomBytes(tokenRandomBytes)), expiresAt };
  }

  /**
   * Derives a Page token: the same string until something changes (docs/meta-facts.md#page-tokens), unless set
   * otherwise.
   */
  mintPage(user: TokenView, role: PageRole): string {
    const claims: TokenClaims = {
      ...user.claims,
      kind: 'page',
      pageId: role.pageId,
      expiresAt: user.claims.longLived ? 0 : user.claims.expiresAt,
      sequence: role.generation,
    };
    const seed = createHash('sha512').update(`${user.token}|${role.pageId}|${role.generation}`).digest();
    const isFresh = this.store.settings.pageTokens === 'fresh';
    const random = isFresh
      ? this.randomBytes(tokenRandomBytes)
      : Buffer.concat([seed, seed]).subarray(0, tokenRandomBytes);
    return encodeToken(this.store.tokenKey, claims, random);
  }

  /** Returns null for strings that are not tokens of this sandbox. */
  view(token: string): TokenView | null {
    const claims = decodeToken(this.store.tokenKey, token);
    const app = claims === null ? undefined : this.store.apps.get(claims.appId);
    const principal = claims === null ? undefined : this.store.principals.get(claims.principalId);
    const grant = app === undefined ? undefined : principal?.grants[app.id];
    if (claims === null || app === undefined || principal === undefined || grant === undefined) return null;
    const change = this.store.tokenChanges.size === 0 ? undefined : this.store.tokenChanges.get(fingerprintOf(token));
    const expiresAt = change?.expiresAt ?? claims.expiresAt;
    const scopes = change?.scopes?.filter((scope) => grant.scopes.includes(scope)) ?? grant.scopes;
    const view: TokenView = { token, claims, app, principal, grant, scopes, expiresAt, death: null };
    const subcode = change?.death === undefined ? this.deathOf(view) : change.death;
    if (subcode !== undefined) view.death = this.death(subcode, view);
    return view;
  }

  private death(subcode: number | null | 'page_deleted', view: TokenView): TokenDeath {
    if (subcode === 'page_deleted')
      return { code: 190, message: 'This Page access token belongs to a Page that has been deleted.' };
    if (subcode === null) return { code: 190, message: 'Invalid OAuth 2.0 Access Token' };
    return { code: 190, subcode, message: toInvalidTokenMessage(subcode, view.app.id, view.expiresAt, this.now()) };
  }

  private deathOf(view: TokenView): number | 'page_deleted' | undefined {
    const { claims, grant, principal } = view;
    if (claims.epoch < grant.epoch) return grant.deaths[claims.epoch] ?? 467;
    if (!grant.active) return 458;
    if (view.expiresAt !== 0 && view.expiresAt <= this.now()) return 463;
    if (principal.checkpoint !== null) return principal.checkpoint;
    if (grant.dataAccessExpiresAt !== 0 && grant.dataAccessExpiresAt <= this.now()) return 493;
    return claims.kind === 'page' ? this.pageDeath(view) : undefined;
  }

  private pageDeath(view: TokenView): number | 'page_deleted' | undefined {
    const page = this.store.pages.get(view.claims.pageId ?? '');
    if (page === undefined || page.deleted) return 'page_deleted';
    const role = view.principal.pageRoles.find((one) => one.pageId === page.id);
    return role === undefined || role.tasks.length === 0 ? 492 : undefined;
  }

  /** Records a user's grant. Existing tokens stay valid. */
  grant(
    principal: Principal,
    appId: string,
    scopes: string[],
    declined: string[],
    targets?: Record<string, string[]>,
  ): Grant {
    const before = principal.grants[appId];
    const kept = before?.active === true ? before.scopes.filter((scope) => !declined.includes(scope)) : [];
    const grant: Grant = {
      active: true,
      scopes: [...new Set([...kept, ...scopes])],
      declined: [...new Set([...(before?.active === true ? before.declined : []), ...declined])].filter(
        (scope) => !scopes.includes(scope),
      ),
      epoch: before?.epoch ?? 0,
      deaths: before?.deaths ?? [],
      // System users have no data-access limit (docs/meta-facts.md#token-inspection).
      dataAccessExpiresAt: principal.kind === 'user' ? this.now() + DATA_ACCESS_LIFETIME_MS : 0,
    };
    const allTargets = { ...before?.targets, ...targets };
    if (Object.keys(allTargets).length > 0) grant.targets = allTargets;
    principal.grants[appId] = grant;
    this.store.onChange();
    return grant;
  }

  /** Kills all existing tokens of a grant. */
  endEpoch(grant: Grant, subcode: number): void {
    grant.deaths.push(subcode);
    grant.epoch += 1;
    delete grant.lastFresh;
    this.store.onChange();
  }
}
