import type { NewToken } from '../state/credential-factory.ts';
import type { AdAccount, AppRecord, InstagramAccount, LoginConfiguration } from '../state/records.ts';
import type { NewApp, NewUser } from '../state/sandbox-factory.ts';
import type { SettingsPatch, UsageSettings } from '../state/sandbox-settings.ts';
import type { DialogDefault } from '../state/sandbox-store.ts';
import { sendThreadsWebhook } from '../state/threads-webhook.ts';
import { type ControlAction, get, number, optional, post, rest, text } from './control-action.ts';
import type { Fault, FaultMatch } from './fault-script.ts';
import { portfolioActions } from './portfolio-actions.ts';
import { whatsappActions } from './whatsapp-actions.ts';

const creationActions: ControlAction[] = [
  post(
    'users',
    '{id?, kind?: user|system_user|instagram_user|threads_user, name?, email?, username?, accountId?, businessId?, ' +
      'role?, pageIds?, businessIds?, adAccountIds?, developerOf?}',
    (s, b) => s.make.user(b as NewUser),
  ),
  post('users/patch', '{id, ...as users}', (s, b) => s.make.patchUser(text(b, 'id'), rest(b, 'id') as NewUser)),
  post('instagram-accounts', '{id?, username?, name?}', (s, b) =>
    s.make.instagramAccount(b as Partial<InstagramAccount>),
  ),
  post('media', '{size, mimeType?} -> {id, sha256}: downloadable bytes, each its index % 251', (s, b) => {
    const { bytes: _bytes, ...made } = s.make.media({ ...b, size: number(b, 'size') });
    return made;
  }),
  post('ad-accounts', '{accountId?, name?, currency?, status?, businessId?, userId?}', (s, b) =>
    s.make.adAccount(b as Partial<AdAccount>),
  ),
  post('tokens', '{userId, appId?, pageId?, scopes?, expiresIn?: seconds|null, longLived?, targets?}', (s, b) =>
    s.make.token({ ...(b as Partial<NewToken>), userId: text(b, 'userId') }),
  ),
  post('codes', '{userId, appId?, redirectUri?, fromSdk?, expiresIn?, scopes?, targets?}', (s, b) => ({
    code: s.make.code({ ...b, userId: text(b, 'userId') }),
  })),
  post(
    'bulk',
    '{count, expiresAt?: epoch ms, expiresIn?: seconds, kind?, scopes?, lines?: true for one JSON object per line} ' +
      '-> [{userId, accessToken, expiresAt}]',
    () => undefined,
  ),
];

const revocationActions: ControlAction[] = [
  post('tokens/expire', '{token, expiresAt?: epoch ms}: 190/463', (s, b) =>
    s.expireToken(text(b, 'token'), b.expiresAt === undefined ? undefined : number(b, 'expiresAt')),
  ),
  post('tokens/invalidate', '{token, subcode: number|null}', (s, b) =>
    s.invalidateToken(text(b, 'token'), b.subcode === undefined ? 467 : (b.subcode as number | null)),
  ),
  post('users/invalidate', "{userId, subcode, appId?}: all of a user's existing tokens", (s, b) =>
    s.invalidateUser(text(b, 'userId'), number(b, 'subcode'), optional(b, 'appId')),
  ),
  post('users/change-password', '{userId}: 190/460', (s, b) => s.changePassword(text(b, 'userId'))),
  post('users/checkpoint', '{userId, subcode: 459|464|490|null}', (s, b) =>
    s.setCheckpoint(text(b, 'userId'), b.subcode as 459 | 464 | 490 | null),
  ),
  post('grants/revoke', '{userId, appId?}: 190/458 and the deauthorize callback', (s, b) =>
    s.revokeGrant(text(b, 'userId'), optional(b, 'appId')),
  ),
  post('grants/remove-scope', '{userId, scope, appId?}', (s, b) =>
    s.removeScope(text(b, 'userId'), text(b, 'scope'), optional(b, 'appId')),
  ),
  post('grants/data-access', '{userId, expiresAt: epoch ms, appId?}: 190/493 after that', (s, b) =>
    s.setDataAccess(text(b, 'userId'), number(b, 'expiresAt'), optional(b, 'appId')),
  ),
];

const setupActions: ControlAction[] = [
  post('apps', '{id, secret, kind?: facebook|instagram|threads, name?}: another app', (s, b) =>
    s.make.app({ ...(b as Partial<NewApp>), id: text(b, 'id'), secret: text(b, 'secret') }),
  ),
  post(
    'apps/patch',
    '{id?, secret?, name?, redirectUris?: [..]|null, requireProof?, live?, deauthorizeUrl?, dataDeletionUrl?, ' +
      'webhookUrl?, businessId?: the portfolio that owns the app}',
    (s, b) => s.patchApp(optional(b, 'id'), rest(b, 'id', 'kind') as Partial<AppRecord>),
  ),
  post('configurations', '{id, tokenType: user|system_user, scopes: [..], expiresIn: seconds|null, appId?}', (s, b) =>
    s.addConfiguration(rest(b, 'appId') as unknown as LoginConfiguration, optional(b, 'appId')),
  ),
  post('settings', 'any part of SandboxSettings (sandbox-settings.ts)', (s, b) => s.patchSettings(b as SettingsPatch)),
  get('settings', 'the current settings', (s) => s.store.settings),
  post(
    'usage',
    '{app?, instagramApp?, page?, adAccount?, business?, insightsThrottle?}: header values; null omits the header',
    (s, b) => s.patchUsage(b as Partial<UsageSettings>),
  ),
  post(
    'dialog',
    '{action: approve|deny|error_901|null, userId?, declined?, targets?: {scope: [ids]}}: how dialogs answer',
    (s, b) => s.setDialog(b.action === null || b.action === undefined ? null : (b as unknown as DialogDefault)),
  ),
  post('clock/advance', '{seconds}', (s, b) => s.advanceClock(number(b, 'seconds'))),
  post('latency', '{min, max?}: milliseconds on every call', (s, b) =>
    s.setLatency(number(b, 'min'), b.max === undefined ? undefined : number(b, 'max')),
  ),
  post(
    'faults',
    '{match?: {host, method, pathPattern, grantType, inputToken, accessToken, userId, inBatch, limitAbove}, times?, ' +
      'probability?, fault: {kind, ...}}',
    (s, b) => s.faults.add(b as { match?: FaultMatch; fault: Fault }),
  ),
  get('faults', 'the faults and how often each was applied', (s) => ({ faults: s.faults.rules })),
  post('faults/clear', '{id?}', (s, b) => s.faults.clear(optional(b, 'id'))),
];

const inspectionActions: ControlAction[] = [
  get('calls', 'the last 1,000 calls, oldest first', (s) => ({ calls: s.log.list() })),
  post('calls/clear', 'clears calls and counters', (s) => s.log.clear()),
  get('counters', 'calls by host and status; exchanged, repeatedExchanges, mostExchanges', (s) => s.log.counters()),
  post('exchanges', '{token}: how often this token or code was exchanged', (s, b) => ({
    exchanges: s.log.exchangesOf(text(b, 'token')),
  })),
  get('app', 'the ids and secrets of the apps', (s) => s.app),
  post('webhooks/send', '{url, object, entry: [..], appId?, secret?} -> {status, body}', (s, b) =>
    s.sendWebhook({ ...(b as { entry: unknown[] }), url: text(b, 'url'), object: text(b, 'object') }),
  ),
  post(
    'threads/webhook',
    '{targetId, topic?, field?, value?: {..}, asList?: true, subscriptionId?, url?, appId?, secret?} -> ' +
      '{status, body}: signed by the Threads app',
    (s, b) => sendThreadsWebhook(s, { ...b, targetId: text(b, 'targetId') }),
  ),
  post('callbacks/deauthorize', '{userId, url?, appId?, secret?, issuedAt?}', (s, b) =>
    s.sendSignedRequest({ ...b, kind: 'deauthorize', userId: text(b, 'userId') }),
  ),
  post('callbacks/data-deletion', '{userId, url?, appId?, secret?, issuedAt?}', (s, b) =>
    s.sendSignedRequest({ ...b, kind: 'data_deletion', userId: text(b, 'userId') }),
  ),
];

/** Every control call, in the order that `GET /__sandbox` lists them. */
export const controlActions: ControlAction[] = [
  ...creationActions,
  ...portfolioActions,
  ...whatsappActions,
  ...revocationActions,
  ...setupActions,
  ...inspectionActions,
];
