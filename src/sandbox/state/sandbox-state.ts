import { CallLog } from '../control/call-log.ts';
import { FaultScript } from '../control/fault-script.ts';
import { fingerprintOf } from '../tokens/token-codec.ts';
import { TokenIssuer } from '../tokens/token-issuer.ts';
import { type CallbackResult, CallbackSender } from './callback-sender.ts';
import { type SandboxApp, seedDefaults } from './default-seed.ts';
import type { AppRecord, Grant, LoginConfiguration, Principal } from './records.ts';
import { SandboxFactory } from './sandbox-factory.ts';
import { defaultSettings, type SandboxSettings, type SettingsPatch, type UsageSettings } from './sandbox-settings.ts';
import { type DialogDefault, SandboxStore } from './sandbox-store.ts';
import { WhatsappWebhooks } from './whatsapp-webhooks.ts';

/**
 * The simulated Meta: its data, tokens and scripted faults. Every method is also a control call
 * (`control/control-actions.ts`).
 */
export class SandboxState {
  readonly store = new SandboxStore();
  readonly log = new CallLog();
  readonly tokens: TokenIssuer;
  readonly faults: FaultScript;
  readonly callbacks: CallbackSender;
  /** Creates users, Pages, tokens and so on. */
  readonly make: SandboxFactory;
  /** Sends WhatsApp's webhooks. */
  readonly whatsapp: WhatsappWebhooks;
  latencyMs: { min: number; max: number } = { min: 0, max: 0 };
  publicUrl = '';

  constructor(
    private readonly clock: () => number,
    readonly randomBytes: (size: number) => Buffer,
    readonly app: SandboxApp,
  ) {
    this.tokens = new TokenIssuer(this.store, () => this.now(), randomBytes);
    this.faults = new FaultScript(
      () => this.randomFraction(),
      (token) => this.tokens.view(token)?.principal.id ?? null,
    );
    this.callbacks = new CallbackSender(
      () => this.now(),
      () => this.randomFraction(),
    );
    this.make = new SandboxFactory(this);
    this.whatsapp = new WhatsappWebhooks(this);
    this.store.tokenKey = randomBytes(32);
    seedDefaults(this.store, app);
  }

  now(): number {
    return this.clock() + this.store.clockOffsetMs;
  }

  randomFraction(): number {
    return this.randomBytes(4).readUInt32BE(0) / 0x1_0000_0000;
  }

  /** Names a token in the call log. */
  fingerprint8(token: string | null): string | null {
    return token === null ? null : fingerprintOf(token).slice(0, 8);
  }

  /** 23 characters of base64url starting with A (docs/meta-facts.md#errors). */
  traceId(): string {
    return `A${this.randomBytes(17).toString('base64url').slice(0, 22)}`;
  }

  user(id: string): Principal {
    const principal = this.store.principals.get(id);
    if (principal === undefined) throw new Error(`no user ${id}`);
    return principal;
  }

  /** Returns a user's grant to an app, by default the app of the user's kind. */
  private grantOf(userId: string, appId: string | undefined): { app: AppRecord; grant: Grant | undefined } {
    const user = this.user(userId);
    const app = this.appById(appId ?? this.make.appFor(user.kind));
    return { app, grant: user.grants[app.id] };
  }

  appById(id: string | undefined): AppRecord {
    const app = this.store.apps.get(id ?? this.app.id);
    if (app === undefined) throw new Error(`no app ${id}`);
    return app;
  }

  /** Adds seconds to the injected clock. */
  advanceClock(seconds: number): { now: number } {
    this.store.clockOffsetMs += Math.round(seconds * 1000);
    this.store.onChange();
    return { now: this.now() };
  }

  /** Changes settings. `embeddedSignup` starts from its defaults each time. */
  patchSettings(patch: SettingsPatch): SandboxSettings {
    const { embeddedSignup, ...rest } = patch;
    this.store.settings = { ...this.store.settings, ...rest };
    if (embeddedSignup !== undefined)
      this.store.settings.embeddedSignup = { ...defaultSettings.embeddedSignup, ...embeddedSignup };
    this.store.onChange();
    return this.store.settings;
  }

  patchUsage(patch: Partial<UsageSettings>): UsageSettings {
    this.store.usage = { ...this.store.usage, ...patch };
    return this.store.usage;
  }

  patchApp(id: string | undefined, patch: Partial<Omit<AppRecord, 'id' | 'kind'>>): AppRecord {
    const app = this.appById(id);
    Object.assign(app, patch);
    this.store.onChange();
    return app;
  }

  addConfiguration(configuration: LoginConfiguration, appId?: string): LoginConfiguration {
    this.appById(appId).configurations[configuration.id] = configuration;
    this.store.onChange();
    return configuration;
  }

  /** Makes dialogs respond immediately, until set to null. */
  setDialog(dialog: DialogDefault | null): void {
    this.store.dialog = dialog;
    this.store.onChange();
  }

  /** Expires a token now or at the given time. */
  expireToken(token: string, expiresAt: number = this.now() - 1000): void {
    this.store.changeToken(fingerprintOf(token), { expiresAt });
  }

  /** Kills a token with a subcode; null is a bare 190. A Page token can be derived again. */
  invalidateToken(token: string, subcode: number | null): void {
    this.store.changeToken(fingerprintOf(token), { death: subcode });
    const view = this.tokens.view(token);
    if (view?.claims.kind !== 'page') return;
    const role = view.principal.pageRoles.find((one) => one.pageId === view.claims.pageId);
    if (role !== undefined) role.generation += 1;
  }

  /** Kills all existing tokens of a user, Page tokens included. New ones work. */
  invalidateUser(userId: string, subcode: number, appId?: string): void {
    for (const [id, grant] of Object.entries(this.user(userId).grants)) {
      if (appId === undefined || appId === id) this.tokens.endEpoch(grant, subcode);
    }
  }

  /** Kills all tokens with 190/460, Page tokens included (docs/meta-facts.md#code-190). */
  changePassword(userId: string): void {
    this.invalidateUser(userId, 460);
  }

  /** Fails all calls with 459, 464 or 490 until set to null (docs/meta-facts.md#code-190). */
  setCheckpoint(userId: string, subcode: 459 | 464 | 490 | null): void {
    this.user(userId).checkpoint = subcode;
    this.store.onChange();
  }

  /** Removes the app: 190/458 and a signed deauthorize callback (docs/meta-facts.md#revoking-a-grant). */
  revokeGrant(userId: string, appId?: string): void {
    const { app, grant } = this.grantOf(userId, appId);
    if (grant === undefined || !grant.active) return;
    grant.active = false;
    this.tokens.endEpoch(grant, 458);
    this.callbacks.sendRemovalCallbacks(app, userId);
  }

  /** Withdraws one permission. */
  removeScope(userId: string, scope: string, appId?: string): void {
    const { grant } = this.grantOf(userId, appId);
    if (grant === undefined) return;
    grant.scopes = grant.scopes.filter((one) => one !== scope);
    if (!grant.declined.includes(scope)) grant.declined.push(scope);
    this.store.onChange();
  }

  /** Sets when data access ends; after that 190/493 (docs/meta-facts.md#long-lived-user-tokens). */
  setDataAccess(userId: string, expiresAt: number, appId?: string): void {
    const { grant } = this.grantOf(userId, appId);
    if (grant !== undefined) grant.dataAccessExpiresAt = expiresAt;
    this.store.onChange();
  }

  /** Removes a role: 190/492 for Page tokens of this user and Page (docs/meta-facts.md#page-tokens). */
  removePageRole(userId: string, pageId: string): void {
    const user = this.user(userId);
    user.pageRoles = user.pageRoles.filter((role) => role.pageId !== pageId);
    this.store.onChange();
  }

  setLatency(min: number, max: number = min): void {
    this.latencyMs = { min, max };
  }

  /** Posts a signed webhook (docs/meta-facts.md#webhooks-of-meta). */
  sendWebhook(request: {
    url: string;
    object: string;
    entry: unknown[];
    appId?: string;
    secret?: string;
  }): Promise<CallbackResult> {
    const secret = request.secret ?? this.appById(request.appId).secret;
    return this.callbacks.webhook(request.url, { object: request.object, entry: request.entry }, secret);
  }

  /** Posts a deauthorize or data-deletion callback (docs/meta-facts.md#signed-requests). */
  sendSignedRequest(request: {
    kind: 'deauthorize' | 'data_deletion';
    userId: string;
    url?: string;
    appId?: string;
    secret?: string;
    issuedAt?: number;
  }): Promise<CallbackResult> {
    const { app } = this.grantOf(request.userId, request.appId);
    const url = request.url ?? (request.kind === 'deauthorize' ? app.deauthorizeUrl : app.dataDeletionUrl);
    if (url === null) throw new Error(`no ${request.kind} url is registered`);
    return this.callbacks.signedRequest(
      request.kind,
      url,
      request.userId,
      request.secret ?? app.secret,
      request.issuedAt,
    );
  }
}
