import type { PhoneNumber, Principal, WabaRecord } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { DialogError } from './dialog-error.ts';
import type { DialogRequest } from './dialog-request.ts';

/** The account and number that a signup connects. */
export interface SignupAccount {
  waba: WabaRecord;
  phone: PhoneNumber | null;
}

/** The outcome of a signup: 'ordinary' uses whatever the business has; the others need a matching number. */
type Kind = 'ordinary' | 'unverified' | 'none' | 'coexistence';

const messageEvents = { none: 'FINISH_ONLY_WABA', coexistence: 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING' };

/**
 * Grants the app access as a business's system user, who gets the chosen user's roles and ad accounts. A signup also
 * names its account.
 */
export function approveForBusiness(
  state: SandboxState,
  request: DialogRequest,
  user: Principal,
  scopes: string[],
): { system: Principal; account: SignupAccount | null } {
  const businessId = request.query.get('sandbox_business') ?? user.businessIds[0];
  if (businessId === undefined) throw new DialogError('You need a business portfolio to continue.');
  if (request.app.businessId === businessId)
    throw new DialogError('This business portfolio owns the app, so it cannot be onboarded. Choose another one.');
  const system = integrationUser(state, request, businessId);
  system.pageRoles = user.pageRoles.map((role) => ({ ...role }));
  system.adAccountIds = [...user.adAccountIds];
  const kind = request.signup === null ? null : kindOf(state, request);
  const account = kind === null ? null : accountFor(state, businessId, kind);
  const accountIds = kind === 'ordinary' || kind === null ? ordinaryIds(state, businessId) : [account?.waba.id ?? ''];
  grantToSystem(state, request, system, { scopes, accountIds, businessId });
  return { system, account };
}

function integrationUser(state: SandboxState, { app }: DialogRequest, businessId: string): Principal {
  const role = `integration ${app.id}`;
  const known = [...state.store.principals.values()].find(
    (one) => one.kind === 'system_user' && one.businessId === businessId && one.role === role,
  );
  return known ?? state.make.user({ kind: 'system_user', name: `${app.name} (system user)`, businessId, role });
}

/** Grants scopes, with accounts as targets of `whatsapp_…`. A setting grants other scopes than those that work. */
function grantToSystem(
  state: SandboxState,
  { app, signup }: DialogRequest,
  system: Principal,
  { scopes, accountIds, businessId }: { scopes: string[]; accountIds: string[]; businessId: string },
): void {
  const named = signup === null ? null : (state.store.settings.embeddedSignup.scopes ?? null);
  const before = system.grants[app.id]?.targets ?? {};
  const targets = Object.fromEntries(
    (named ?? scopes).flatMap((scope) => {
      const ids = scope === 'business_management' ? [businessId] : scope.startsWith('whatsapp_') ? accountIds : [];
      return ids.length === 0 ? [] : [[scope, [...new Set([...(before[scope] ?? []), ...ids])]]];
    }),
  );
  const grant = state.tokens.grant(system, app.id, named ?? scopes, [], targets);
  if (named === null) return;
  grant.scopes = [...named];
  grant.targets = targets;
  grant.unnamedScopes = scopes.filter((scope) => !named.includes(scope));
}

function kindOf(state: SandboxState, { signup }: DialogRequest): Kind {
  if (signup?.isCoexistence === true) return 'coexistence';
  const { phone } = state.store.settings.embeddedSignup;
  return phone === undefined || phone === 'verified' ? 'ordinary' : phone;
}

function ordinaryIds(state: SandboxState, businessId: string): string[] {
  return state.store.wabasOf(businessId).flatMap((waba) => (waba.madeFor === undefined ? [waba.id] : []));
}

/**
 * Returns the account that this kind of signup connects: the business's own, or a permanent one created for the kind.
 */
function accountFor(state: SandboxState, businessId: string, kind: Kind): SignupAccount {
  const madeFor = kind === 'ordinary' ? undefined : kind;
  const known = state.store.wabasOf(businessId).find((waba) => waba.madeFor === madeFor);
  const waba = known ?? state.make.waba({ businessId, ...(madeFor === undefined ? {} : { madeFor }) });
  const phone = state.store.phonesOf(waba.id)[0] ?? (kind === 'none' ? null : newPhone(state, waba.id, kind));
  if (kind === 'coexistence' && phone !== null && phone.onboardedAt === undefined)
    Object.assign(phone, { isOnBizApp: true, registered: true, onboardedAt: state.now(), synchronized: [] });
  return { waba, phone };
}

function newPhone(state: SandboxState, wabaId: string, kind: Kind): PhoneNumber {
  return state.make.phone({
    wabaId,
    ...(kind === 'unverified' ? { verification: 'NOT_VERIFIED', platformType: 'NOT_APPLICABLE' } : {}),
  });
}

/** Builds a finished signup's session message (embedded_signup_events.json). Coexistence may name only the account. */
export function signupMessage(
  state: SandboxState,
  { waba, phone }: SignupAccount,
  isCoexistence: boolean,
): Record<string, unknown> {
  const { event, data } = state.store.settings.embeddedSignup;
  const isPlain = event === 'FINISH';
  if (isCoexistence && isPlain)
    return { data: data ?? { waba_id: waba.id }, type: 'WA_EMBEDDED_SIGNUP', event: messageEvents.coexistence };
  const word = isPlain && phone === null ? messageEvents.none : event;
  const found: Record<string, unknown> = { waba_id: waba.id, business_id: waba.businessId };
  const full = word === messageEvents.none || phone === null ? found : { phone_number_id: phone.id, ...found };
  return { data: data ?? full, type: 'WA_EMBEDDED_SIGNUP', event: word };
}

/** Builds the message of an abandoned or failed signup. Errors are also a CANCEL. */
export function cancelMessage(state: SandboxState): Record<string, unknown> {
  const { event, data } = state.store.settings.embeddedSignup;
  const isFinish = event.startsWith('FINISH');
  const left = { current_step: 'PHONE_NUMBER_SETUP' };
  return { data: isFinish ? left : (data ?? left), type: 'WA_EMBEDDED_SIGNUP', event: isFinish ? 'CANCEL' : event };
}
