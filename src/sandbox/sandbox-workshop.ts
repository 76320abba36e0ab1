import { allTasks, newPage, newPrincipal } from './default-seed.ts';
import type {
  AdAccount,
  BusinessRecord,
  CodeRecord,
  InstagramAccount,
  PageRecord,
  PhoneNumber,
  Principal,
  PrincipalKind,
  WabaRecord,
} from './records.ts';
import type { SandboxState } from './sandbox-state.ts';
import { fingerprintOf } from './token-codec.ts';

export interface NewUser {
  id?: string;
  kind?: PrincipalKind;
  name?: string;
  email?: string;
  username?: string;
  accountId?: string;
  businessId?: string;
  role?: string;
  pageIds?: string[];
  businessIds?: string[];
  adAccountIds?: string[];
  developerOf?: string[];
}

export interface NewToken {
  userId: string;
  appId?: string;
  /** A page token of this user, from a long-lived user token. */
  pageId?: string;
  scopes?: string[];
  /** seconds; null = never */
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
  /** epoch ms; or `expiresIn` seconds */
  expiresAt?: number;
  expiresIn?: number;
  kind?: PrincipalKind;
  scopes?: string[];
}

const leading: Record<PrincipalKind, string> = {
  user: '10',
  system_user: '12',
  instagram_user: '25',
  threads_user: '26',
};

/** Makes the objects that tests and demos need beyond the default seed. Ids are decimal digits, as Meta's. */
export class SandboxWorkshop {
  constructor(private readonly state: SandboxState) {}

  user(input: NewUser = {}): Principal {
    const kind = input.kind ?? 'user';
    const id = numeric(input.id ?? this.state.store.nextId(leading[kind]));
    const user = newPrincipal(kind, id, input.name ?? `Sandbox Person ${id.slice(-4)}`);
    user.email = input.email ?? `person${id}@example.com`;
    user.username = input.username ?? `sandbox_${id.slice(-6)}`;
    if (kind === 'instagram_user') user.accountId = numeric(input.accountId ?? this.state.store.nextId('178414'));
    this.patch(user, input);
    this.state.store.principals.set(id, user);
    this.state.store.onChange();
    return user;
  }

  patchUser(id: string, input: Omit<NewUser, 'id' | 'kind'>): Principal {
    const user = this.state.user(id);
    this.patch(user, input);
    this.state.store.onChange();
    return user;
  }

  private patch(user: Principal, input: NewUser): void {
    const { pageIds, id: _id, kind: _kind, ...rest } = input;
    Object.assign(user, rest);
    if (pageIds !== undefined) {
      user.pageRoles = pageIds.map(
        (pageId) =>
          user.pageRoles.find((role) => role.pageId === pageId) ?? { pageId, tasks: [...allTasks], generation: 0 },
      );
    }
  }

  /** A Page; `userIds` get all tasks on it. */
  page(input: Partial<PageRecord> & { userIds?: string[] } = {}): PageRecord {
    const { userIds, ...rest } = input;
    const id = numeric(input.id ?? this.state.store.nextId('20'));
    const page = { ...newPage(id, `Sandbox Page ${id.slice(-4)}`, null), ...rest, id };
    this.state.store.pages.set(id, page);
    for (const userId of userIds ?? [])
      this.state.user(userId).pageRoles.push({ pageId: id, tasks: [...allTasks], generation: 0 });
    this.state.store.onChange();
    return page;
  }

  patchPage(id: string, patch: Partial<Omit<PageRecord, 'id'>>): PageRecord {
    const page = this.state.store.pages.get(id);
    if (page === undefined) throw new Error(`no page ${id}`);
    Object.assign(page, patch);
    this.state.store.onChange();
    return page;
  }

  instagramAccount(input: Partial<InstagramAccount> = {}): InstagramAccount {
    const id = numeric(input.id ?? this.state.store.nextId('178414'));
    return this.keep(this.state.store.instagramAccounts, {
      username: `sandbox_${id.slice(-6)}`,
      name: 'Sandbox Account',
      ...input,
      id,
    });
  }

  business(input: Partial<BusinessRecord> = {}): BusinessRecord {
    const id = numeric(input.id ?? this.state.store.nextId('30'));
    return this.keep(this.state.store.businesses, {
      name: `Sandbox Business ${id.slice(-4)}`,
      requiresExpiry: false,
      ...input,
      id,
    });
  }

  waba(input: Partial<WabaRecord> & { businessId: string }): WabaRecord {
    const id = numeric(input.id ?? this.state.store.nextId('31'));
    return this.keep(this.state.store.wabas, {
      name: `Sandbox WABA ${id.slice(-4)}`,
      currency: 'USD',
      subscribedApps: {},
      ...input,
      id,
    });
  }

  phone(input: Partial<PhoneNumber> & { wabaId: string }): PhoneNumber {
    const id = numeric(input.id ?? this.state.store.nextId('32'));
    const made = {
      displayPhoneNumber: '+1 555-555-0100',
      verifiedName: 'Sandbox',
      qualityRating: 'GREEN',
      pin: null,
      registered: false,
      ...input,
      id,
    };
    return this.keep(this.state.store.phones, made);
  }

  adAccount(input: Partial<AdAccount> & { userId?: string } = {}): AdAccount {
    const { userId, ...rest } = input;
    const accountId = numeric(input.accountId ?? input.id?.replace(/^act_/, '') ?? this.state.store.nextId('33'));
    const account = {
      name: `Sandbox Ads ${accountId.slice(-4)}`,
      currency: 'EUR',
      status: 1,
      businessId: null,
      ...rest,
      accountId,
      id: `act_${accountId}`,
    };
    if (userId !== undefined) this.state.user(userId).adAccountIds.push(account.id);
    return this.keep(this.state.store.adAccounts, account);
  }

  /** A token without a dialog; grants the scopes when there is no grant yet, or when scopes are given. */
  token(input: NewToken): MadeToken {
    const principal = this.state.user(input.userId);
    const appId = input.appId ?? this.appFor(principal.kind);
    const grant = principal.grants[appId];
    if (grant?.active !== true || input.scopes !== undefined)
      this.state.tokens.grant(principal, appId, input.scopes ?? defaultScopes(principal.kind), [], input.targets);
    const longLived = input.longLived ?? true;
    const life =
      input.expiresIn === undefined
        ? principal.kind === 'system_user'
          ? null
          : this.state.store.settings.longLifeSeconds
        : input.expiresIn;
    const made = this.state.tokens.mint({
      appId,
      principalId: principal.id,
      kind: principal.kind,
      expiresIn: life,
      longLived,
    });
    if (input.pageId === undefined)
      return { accessToken: made.token, fingerprint: fingerprintOf(made.token), expiresAt: made.expiresAt };
    const view = this.state.tokens.view(made.token);
    const role = principal.pageRoles.find((one) => one.pageId === input.pageId);
    if (view === null || role === undefined)
      throw new Error(`user ${input.userId} has no role on page ${input.pageId}`);
    const accessToken = this.state.tokens.mintPage(view, role);
    return { accessToken, fingerprint: fingerprintOf(accessToken), expiresAt: longLived ? 0 : made.expiresAt };
  }

  /** An authorization code without a dialog; the grant is made as by `token`. */
  code(input: {
    userId: string;
    appId?: string;
    redirectUri?: string;
    fromSdk?: boolean;
    expiresIn?: number | null;
    scopes?: string[];
    targets?: Record<string, string[]>;
  }): string {
    const principal = this.state.user(input.userId);
    const appId = input.appId ?? this.appFor(principal.kind);
    if (principal.grants[appId]?.active !== true || input.scopes !== undefined) {
      this.state.tokens.grant(principal, appId, input.scopes ?? defaultScopes(principal.kind), [], input.targets);
    }
    const settings = this.state.store.settings;
    const fromSdk = input.fromSdk ?? false;
    const seconds =
      principal.kind === 'instagram_user'
        ? settings.instagramCodeSeconds
        : fromSdk
          ? settings.sdkCodeSeconds
          : settings.dialogCodeSeconds;
    const code: CodeRecord = {
      code: `AQ${this.state.randomBytes(120).toString('base64url')}${this.state.store.nextId('')}`,
      appId,
      principalId: principal.id,
      redirectUri: input.redirectUri ?? null,
      fromSdk,
      expiresAt: this.state.now() + seconds * 1000,
      used: false,
      tokenKind: principal.kind,
    };
    if (input.expiresIn !== undefined) code.expiresIn = input.expiresIn;
    this.state.store.addCode(code);
    return code.code;
  }

  /** Many people with one long-lived token each; 100,000 take about a second. */
  *bulk(request: BulkRequest): Generator<{ userId: string; accessToken: string; expiresAt: number }> {
    const kind = request.kind ?? 'user';
    const appId = this.appFor(kind);
    const scopes = request.scopes ?? defaultScopes(kind);
    const now = this.state.now();
    const expiresIn =
      request.expiresAt === undefined
        ? (request.expiresIn ?? this.state.store.settings.longLifeSeconds)
        : (request.expiresAt - now) / 1000;
    for (let index = 0; index < request.count; index += 1) {
      const user = newPrincipal(kind, this.state.store.nextId(leading[kind]), `Sandbox Person ${index}`);
      if (kind === 'instagram_user') user.accountId = this.state.store.nextId('178414');
      user.grants[appId] = {
        active: true,
        scopes,
        declined: [],
        epoch: 0,
        deaths: [],
        dataAccessExpiresAt: kind === 'user' ? now + 90 * 86_400_000 : 0,
      };
      this.state.store.principals.set(user.id, user);
      const made = this.state.tokens.mint({ appId, principalId: user.id, kind, expiresIn, longLived: true });
      yield { userId: user.id, accessToken: made.token, expiresAt: made.expiresAt };
    }
    this.state.store.onChange();
  }

  private appFor(kind: PrincipalKind): string {
    const { app } = this.state;
    return kind === 'instagram_user' ? app.instagramAppId : kind === 'threads_user' ? app.threadsAppId : app.id;
  }

  private keep<T extends { id: string }>(map: Map<string, T>, record: T): T {
    map.set(record.id, record);
    this.state.store.onChange();
    return record;
  }
}

/** What a token made without a dialog may do. */
export function defaultScopes(kind: PrincipalKind): string[] {
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

/** Tokens carry ids as 64-bit numbers, so other ids can't be. */
function numeric(id: string): string {
  if (!/^[1-9]\d{0,18}$/.test(id)) throw new Error(`an id of Meta is 1 to 19 digits, not ${id}`);
  return id;
}
