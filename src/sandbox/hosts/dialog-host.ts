import { dialogPage, errorPage, sdkPage } from '../dialog/dialog-page.ts';
import {
  DialogError,
  type DialogRequest,
  offeredScopes,
  parseDialog,
  userFor,
  usersFor,
} from '../dialog/dialog-request.ts';
import { targetsFor } from '../dialog/granular-targets.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { html, type MetaResponse, redirect } from '../http/meta-response.ts';
import type { AppKind, Principal } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { DialogAction } from '../state/sandbox-store.ts';

interface Choice {
  action: DialogAction;
  userId: string | undefined;
  declined: string[];
  targets: Record<string, string[]> | undefined;
}

const sandboxModeText =
  'This app is in sandbox mode.  Edit the app configuration at http://developers.facebook.com/apps to make the app publicly visible.';

/** The dialogs of all three products: a page for users, an immediate redirect for programs (META.md 1, 7.1, 9). */
export function handleDialog(state: SandboxState, call: GraphCall, product: AppKind): MetaResponse {
  const known =
    product === 'facebook'
      ? call.path.join('/') === 'dialog/oauth'
      : call.path.join('/').replace(/\/$/, '') === 'oauth/authorize';
  if (!known) return html(404, errorPage('Page not found'));
  try {
    const request = parseDialog(state, product, call.query);
    const choice = choiceOf(state, call, request);
    return choice === null
      ? html(200, dialogPage(request, usersFor(state, product)))
      : completeDialogRequest(state, request, choice);
  } catch (error) {
    if (!(error instanceof DialogError)) throw error;
    return html(200, errorPage(error.message));
  }
}

/** A posted form, then the `sandbox_…` parameters, then the control default; null shows the page. */
function choiceOf(state: SandboxState, call: GraphCall, request: DialogRequest): Choice | null {
  if (call.method === 'POST') {
    const form = new URLSearchParams(call.raw?.bytes?.toString('utf8') ?? '');
    const granted = form.getAll('grant');
    const action = form.get('action') === 'approve' ? 'approve' : 'deny';
    return {
      action,
      userId: form.get('user') ?? undefined,
      declined: request.requestedScopes.filter((scope) => scope !== 'public_profile' && !granted.includes(scope)),
      targets: undefined,
    };
  }
  const scripted = call.query.get('sandbox_action');
  const userId = call.query.get('sandbox_user') ?? state.store.dialog?.userId;
  const declined = call.query.get('sandbox_decline')?.split(',') ?? state.store.dialog?.declined ?? [];
  const given = call.query.get('sandbox_targets');
  const targets = given === null ? state.store.dialog?.targets : parseTargets(given);
  if (scripted === 'approve' || scripted === 'deny' || scripted === 'error_901')
    return { action: scripted, userId, declined, targets };
  return state.store.dialog === null ? null : { action: state.store.dialog.action, userId, declined, targets };
}

/** `sandbox_targets={"pages_show_list":["200…"]}`: what a program picks. */
function parseTargets(text: string): Record<string, string[]> {
  try {
    return JSON.parse(text) as Record<string, string[]>;
  } catch {
    throw new DialogError('sandbox_targets must be a JSON object of scope and ids.');
  }
}

function completeDialogRequest(state: SandboxState, request: DialogRequest, choice: Choice): MetaResponse {
  if (choice.action === 'error_901')
    return redirectBack(request, { error_code: '901', error_message: sandboxModeText });
  if (choice.action === 'deny') return deniedResponse(state, request);
  const user = userFor(state, request, choice.userId);
  const offered = offeredScopes(request, user);
  // A configuration is granted whole or not at all (META.md 1).
  const declined =
    request.configuration === null
      ? offered.filter((scope) => choice.declined.includes(scope) && scope !== 'public_profile')
      : [];
  const granted = offered.filter((scope) => !declined.includes(scope));
  if (request.configuration?.tokenType === 'system_user') return approveForBusiness(state, request, user, granted);
  const targets = targetsFor(state, request, user, granted, choice.targets);
  const grant = state.tokens.grant(user, request.app.id, granted, declined, targets);
  if (/(^|\s)token/.test(request.responseType)) return implicitTokenResponse(state, request, user);
  const code = issueCode(state, request, user, request.configuration?.expiresIn ?? undefined);
  const scopes: Record<string, string> = request.returnScopes
    ? { granted_scopes: grant.scopes.join(','), denied_scopes: grant.declined.join(',') }
    : {};
  return approvedResponse(state, request, code, scopes, null);
}

/** FLB configurations of type system user, and Embedded Signup: the token belongs to the business (META.md 6, 8). */
function approveForBusiness(
  state: SandboxState,
  request: DialogRequest,
  user: Principal,
  scopes: string[],
): MetaResponse {
  const businessId = request.query.get('sandbox_business') ?? user.businessIds[0];
  if (businessId === undefined) throw new DialogError('You need a business portfolio to continue.');
  const found = [...state.store.principals.values()].find(
    (one) =>
      one.kind === 'system_user' && one.businessId === businessId && one.role === `integration ${request.app.id}`,
  );
  const system =
    found ??
    state.make.user({
      kind: 'system_user',
      name: `${request.app.name} (system user)`,
      businessId,
      role: `integration ${request.app.id}`,
    });
  system.pageRoles = user.pageRoles.map((role) => ({ ...role }));
  system.adAccountIds = [...user.adAccountIds];
  const wabas = state.store.wabasOf(businessId).map((waba) => waba.id);
  const targets = { whatsapp_business_management: wabas, whatsapp_business_messaging: wabas };
  state.tokens.grant(system, request.app.id, scopes, [], wabas.length === 0 ? {} : targets);
  const code = issueCode(state, request, system, request.configuration?.expiresIn ?? null);
  return approvedResponse(state, request, code, {}, businessId);
}

function issueCode(
  state: SandboxState,
  request: DialogRequest,
  principal: Principal,
  expiresIn: number | null | undefined,
): string {
  return state.make.issueCode(principal, request.app.id, request.redirectUri, request.sdkOrigin !== null, expiresIn);
}

function approvedResponse(
  state: SandboxState,
  request: DialogRequest,
  code: string,
  extra: Record<string, string>,
  businessId: string | null,
): MetaResponse {
  if (request.sdkOrigin === null) return redirectBack(request, { code, ...extra });
  const signup = businessId === null ? null : signupMessage(state, businessId);
  const response = { status: 'connected', authResponse: { userID: null, expiresIn: null, code } };
  return html(200, sdkPage(request.sdkOrigin, response, signup, state.store.settings.embeddedSignup.order));
}

/** The session message of Embedded Signup (META.md 8; embedded_signup_events.json). */
function signupMessage(state: SandboxState, businessId: string): Record<string, unknown> {
  const { event, data } = state.store.settings.embeddedSignup;
  const waba = state.store.wabasOf(businessId)[0];
  const phone = waba === undefined ? undefined : state.store.phonesOf(waba.id)[0];
  const found: Record<string, unknown> = { waba_id: waba?.id, business_id: businessId };
  const full = event === 'FINISH_ONLY_WABA' ? found : { phone_number_id: phone?.id, ...found };
  return { data: data ?? full, type: 'WA_EMBEDDED_SIGNUP', event };
}

/** Left half-way, or with the report of an error, which is a CANCEL too (META.md 8). */
function cancelMessage(state: SandboxState): Record<string, unknown> {
  const { event, data } = state.store.settings.embeddedSignup;
  const isFinish = event.startsWith('FINISH');
  const left = { current_step: 'PHONE_NUMBER_SETUP' };
  return { data: isFinish ? left : (data ?? left), type: 'WA_EMBEDDED_SIGNUP', event: isFinish ? 'CANCEL' : event };
}

function deniedResponse(state: SandboxState, request: DialogRequest): MetaResponse {
  if (request.sdkOrigin !== null) {
    const cancel = request.configuration?.tokenType === 'system_user' ? cancelMessage(state) : null;
    return html(
      200,
      sdkPage(
        request.sdkOrigin,
        { status: 'unknown', authResponse: null },
        cancel,
        state.store.settings.embeddedSignup.order,
      ),
    );
  }
  if (request.product === 'facebook') {
    return redirectBack(request, {
      error: 'access_denied',
      error_code: '200',
      error_description: 'Permissions error',
      error_reason: 'user_denied',
    });
  }
  return redirectBack(request, {
    error: 'access_denied',
    error_reason: 'user_denied',
    error_description: 'The user denied your request',
  });
}

/** 302 with the query added to the redirect URI, `state` last, and the product's fragment (META.md 1, 7). */
function redirectBack(request: DialogRequest, values: Record<string, string>): MetaResponse {
  if (request.redirectUri === null) return html(200, errorPage(values.error_message ?? 'Something went wrong'));
  const query = new URLSearchParams(values);
  if (request.state !== null) query.set('state', request.state);
  const separator = request.redirectUri.includes('?') ? '&' : '?';
  return redirect(
    `${request.redirectUri}${separator}${query.toString()}${request.product === 'facebook' ? '#_=_' : '#_'}`,
  );
}

/** `response_type=token`: all in the fragment; `code token` has both there (META.md 1). */
function implicitTokenResponse(state: SandboxState, request: DialogRequest, user: Principal): MetaResponse {
  const { token } = state.tokens.mint({
    appId: request.app.id,
    principalId: user.id,
    kind: user.kind,
    expiresIn: state.store.settings.shortLifeSeconds,
    longLived: false,
  });
  const dataAccess = Math.floor((user.grants[request.app.id]?.dataAccessExpiresAt ?? 0) / 1000);
  if (request.sdkOrigin !== null) {
    const authResponse = {
      userID: user.id,
      accessToken: token,
      expiresIn: state.store.settings.shortLifeSeconds,
      data_access_expiration_time: dataAccess,
    };
    return html(200, sdkPage(request.sdkOrigin, { status: 'connected', authResponse }, null, 'message_first'));
  }
  const fragment = new URLSearchParams({
    access_token: token,
    data_access_expiration_time: String(dataAccess),
    expires_in: String(state.store.settings.shortLifeSeconds),
  });
  if (request.responseType.includes('code')) fragment.set('code', issueCode(state, request, user, undefined));
  if (request.state !== null) fragment.set('state', request.state);
  return redirect(`${request.redirectUri}#${fragment.toString()}`);
}
