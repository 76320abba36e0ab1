import { fingerprintOf } from '../tokens/token-codec.ts';
import type { TokenIssuer } from '../tokens/token-issuer.ts';
import { newPrincipal, type SandboxApp } from './default-seed.ts';
import type { CodeRecord, Principal, PrincipalKind } from './records.ts';
import type { SandboxStore } from './sandbox-store.ts';

export interface NewToken {
  userId: string;
  appId?: string;
  /** Creates a Page token of this user, from a long-lived user token. */
  pageId?: string;
  scopes?: string[];
  /** Seconds; null: never. */
  expiresIn?: number | null;
  longLived?: boolean;
  targets?: Record<string, string[]>;
}

export interface MadeToken {
  accessToken: string;
  fingerprint: string;
  expiresAt: number;
}

export interface BulkRequest {
  count: number;
  /** Milliseconds since 1970; alternatively `expiresIn` in seconds. */
  expiresAt?: number;
  expiresIn?: number;
  kind?: PrincipalKind;
  scopes?: string[];
}

/** First digits of ids, so that people can tell kinds apart. */
export const ID_PREFIXES: Record<PrincipalKind, string> = {
  user: '10',
  system_user: '12',
  instagram_user: '25',
  threads_user: '26',
};

/** Dependencies of the factories. */
export interface FactoryContext {
  store: SandboxStore;
  tokens: TokenIssuer;
  app: SandboxApp;
  now(): number;
  randomBytes(size: number): Buffer;
  /** @throws Error if there is no such user */
  user(id: string): Principal;
}

/** Creates tokens and codes without a dialog. */
export class CredentialFactory {
  constructor(protected readonly context: FactoryContext) {}

  /** Creates a token. Grants the scopes if they are given or there is no grant yet. */
  token(input: NewToken): MadeToken {
    const principal = this.context.user(input.userId);
    const appId = input.appId ?? this.appFor(principal.kind);
    const grant = principal.grants[appId];
    if (grant?.active !== true || input.scopes !== undefined)
      this.context.tokens.grant(principal, appId, input.scopes ?? defaultScopes(principal.kind), [], input.targets);
    const longLived = input.longLived ?? true;
    const life =
      input.expiresIn === undefined
        ? principal.kind === 'system_user'
          ? null
          : this.context.store.settings.longLifeSeconds
        : input.expiresIn;
    const made = this.context.tokens.mint({
      appId,
      principalId: principal.id,
      kind: principal.kind,
      expiresIn: life,
      longLived,
    });
    if (input.pageId === undefined)
      return { accessToken: made.token, fingerprint: fingerprintOf(made.token), expiresAt: made.expiresAt };
    const view = this.context.tokens.view(made.token);
    const role = principal.pageRoles.find((one) => one.pageId === input.pageId);
    if (view === null || role === undefined)
      throw new Error(`user ${input.userId} has no role on page ${input.pageId}`);
    const accessToken = this.context.tokens.mintPage(view, role);
    return { accessToken, fingerprint: fingerprintOf(accessToken), expiresAt: longLived ? 0 : made.expiresAt };
  }

  /** Creates an authorization code, with the same grant as `token`. */
  code(input: {
    userId: string;
    appId?: string;
    redirectUri?: string;
    fromSdk?: boolean;
    expiresIn?: number | null;
    scopes?: string[];
    targets?: Record<string, string[]>;
  }): string {
    const principal = this.context.user(input.userId);
    const appId = input.appId ?? this.appFor(principal.kind);
    if (principal.grants[appId]?.active !== true || input.scopes !== undefined) {
      this.context.tokens.grant(principal, appId, input.scopes ?? defaultScopes(principal.kind), [], input.targets);
    }
    return this.issueCode(principal, appId, input.redirectUri ?? null, input.fromSdk ?? false, input.expiresIn);
  }

  /** Creates a code in Meta's format. Its lifetime depends on the issuer. */
  issueCode(
    principal: Principal,
    appId: string,
    redirectUri: string | null,
    fromSdk: boolean,
    expiresIn: number | null | undefined,
  ): string {
    const { settings } = this.context.store;
    const dialogSeconds = fromSdk ? settings.sdkCodeSeconds : settings.dialogCodeSeconds;
    const seconds = principal.kind === 'instagram_user' ? settings.instagramCodeSeconds : dialogSeconds;
    const code: CodeRecord = {
      code: `AQ${this.context.randomBytes(120).toString('base64url')}${this.context.store.nextId('')}`,
      appId,
      principalId: principal.id,
      redirectUri,
      fromSdk,
      expiresAt: this.context.now() + seconds * 1000,
      used: false,
      tokenKind: principal.kind,
    };
    if (expiresIn !== undefined) code.expiresIn = expiresIn;
    this.context.store.addCode(code);
    return code.code;
  }

  /** Creates many users with one long-lived token each: 100,000 take about a second. */
  *bulk(request: BulkRequest): Generator<{ userId: string; accessToken: string; expiresAt: number }> {
    const kind = request.kind ?? 'user';
    const appId = this.appFor(kind);
    const scopes = request.scopes ?? defaultScopes(kind);
    const now = this.context.now();
    const expiresIn =
      request.expiresAt === undefined
        ? (request.expiresIn ?? this.context.store.settings.longLifeSeconds)
        : (request.expiresAt - now) / 1000;
    for (let index = 0; index < request.count; index += 1) {
      const user = newPrincipal(kind, this.context.store.nextId(ID_PREFIXES[kind]), `Sandbox Person ${index}`);
      if (kind === 'instagram_user') user.accountId = this.context.store.nextId('178414');
      user.grants[appId] = {
        active: true,
        scopes,
        declined: [],
        epoch: 0,
        deaths: [],
        dataAccessExpiresAt: kind === 'user' ? now + 90 * 86_400_000 : 0,
      };
      this.context.store.principals.set(user.id, user);
      const made = this.context.tokens.mint({ appId, principalId: user.id, kind, expiresIn, longLived: true });
      yield { userId: user.id, accessToken: made.token, expiresAt: made.expiresAt };
    }
    this.context.store.onChange();
  }

  /** Returns the app of this kind's tokens. */
  appFor(kind: PrincipalKind): string {
    const { app } = this.context;
    return kind === 'instagram_user' ? app.instagramAppId : kind === 'threads_user' ? app.threadsAppId : app.id;
  }
}

/** Scopes of tokens created without a dialog. */
function defaultScopes(kind: PrincipalKind): string[] {
  switch (kind) {
    case 'instagram_user':
      return [
        'instagram_business_basic',
        'instagram_business_manage_messages',
        'instagram_business_content_publish',
        'instagram_business_manage_comments',
      ];
    case 'threads_user':
      return ['threads_basic', 'threads_content_publish'];
    case 'system_user':
      return ['whatsapp_business_management', 'whatsapp_business_messaging', 'business_management'];
    default:
      return [
        'public_profile',
        'email',
        'pages_show_list',
        'pages_read_engagement',
        'pages_manage_posts',
        'pages_manage_metadata',
        'instagram_basic',
        'instagram_content_publish',
        'business_management',
        'ads_read',
        'ads_management',
        'whatsapp_business_management',
        'whatsapp_business_messaging',
      ];
  }
}
