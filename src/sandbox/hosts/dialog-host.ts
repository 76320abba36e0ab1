import { DialogError } from '../dialog/dialog-error.ts';
import { dialogPage, errorPage, sdkPage } from '../dialog/dialog-page.ts';
import { type DialogRequest, offeredScopes, parseDialog, userFor, usersFor } from '../dialog/dialog-request.ts';
import { approveForBusiness, cancelMessage, signupMessage } from '../dialog/embedded-signup.ts';
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
  'This app is in sandbox mode.  Edit the app configuration at http://developers.facebook.com/apps ' +
  'to make the app publicly visible.';

/** Serves all dialogs: a page for users, an immediate redirect for programs (docs/meta-facts.md#oauth-dialog). */
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

/** Takes the choice from the posted form, `sandbox_…` parameters, or the control default; null shows the page. */
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

/** Parses a program's choice, such as `sandbox_targets={"pages_show_list":["200…"]}`. */
function parseTargets(text: string): Record<string, string[]> {
  try {
    return JSON.parse(text) as Record<string, string[]>;
  } catch {
    throw new DialogError('sandbox_targets must be a JSON object of ids by scope.');
  }
}

function completeDialogRequest(state: SandboxState, request: DialogRequest, choice: Choice): MetaResponse {
  if (choice.action === 'error_901')
    return redirectBack(request, { error_code: '901', error_message: sandboxModeText });
  if (choice.action === 'deny') return deniedResponse(state, request);
  const user = userFor(state, request, choice.userId);
  const offered = offeredScopes(request, user);
  // A configuration is granted as a whole (docs/meta-facts.md#oauth-dialog).
  const declined =
    request.configuration === null
      ? offered.filter((scope) => choice.declined.includes(scope) && scope !== 'public_profile')
      : [];
  const granted = offered.filter((scope) => !declined.includes(scope));
  if (request.configuration?.tokenType === 'system_user') return approvedForBusiness(state, request, user, granted);
  const targets = targetsFor(state, request, user, granted, choice.targets);
  const grant = state.tokens.grant(user, request.app.id, granted, declined, targets);
  if (/(^|\s)token/.test(request.responseType)) return implicitTokenResponse(state, request, user);
  const code = issueCode(state, request, user, request.configuration?.expiresIn ?? undefined);
  const scopes: Record<string, string> = request.returnScopes
    ? { granted_scopes: grant.scopes.join(','), denied_scopes: grant.declined.join(',') }
    : {};
  return approvedResponse(state, request, code, scopes);
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
  extra: Record<string, string> = {},
): MetaResponse {
  if (request.sdkOrigin === null) return redirectBack(request, { code, ...extra });
  return html(200, sdkPage(request.sdkOrigin, { login: loginWith(code), signup: null, order: orderOf(state) }));
}

/** Approves a system-user configuration: the token belongs to the business. A signup also gets its session message. */
function approvedForBusiness(
  state: SandboxState,
  request: DialogRequest,
  user: Principal,
  scopes: string[],
): MetaResponse {
  const { system, account } = approveForBusiness(state, request, user, scopes);
  const code = issueCode(state, request, system, request.configuration?.expiresIn ?? null);
  if (account === null) return approvedResponse(state, request, code);
  state.whatsapp.partnerAdded(account, request.app);
  // A full page has no opener, so the code comes only in the redirect.
  if (request.sdkOrigin === null) return redirectBack(request, { code });
  const { code: fate, message } = state.store.settings.embeddedSignup;
  const login = fate === 'lost' ? null : fate === 'silent' ? 'silent' : loginWith(code);
  const signup = message === 'lost' ? null : signupMessage(state, account, request.signup?.isCoexistence === true);
  return html(200, sdkPage(request.sdkOrigin, { login, signup, order: orderOf(state) }));
}

function loginWith(code: string): Record<string, unknown> {
  return { status: 'connected', authResponse: { userID: null, expiresIn: null, code } };
}

function orderOf(state: SandboxState): 'message_first' | 'callback_first' {
  return state.store.settings.embeddedSignup.order;
}

function deniedResponse(state: SandboxState, request: DialogRequest): MetaResponse {
  if (request.sdkOrigin !== null) {
    const signup = request.signup === null ? null : cancelMessage(state);
    const login = { status: 'unknown', authResponse: null };
    return html(200, sdkPage(request.sdkOrigin, { login, signup, order: orderOf(state) }));
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

/**
 * Redirects (302) with values in the query, `state` last, then the product's fragment
 * (docs/meta-facts.md#oauth-dialog).
 */
function redirectBack(request: DialogRequest, values: Record<string, string>): MetaResponse {
  if (request.redirectUri === null) return html(200, errorPage(values.error_message ?? 'Something went wrong'));
  const query = new URLSearchParams(values);
  if (request.state !== null) query.set('state', request.state);
  const separator = request.redirectUri.includes('?') ? '&' : '?';
  return redirect(
    `${request.redirectUri}${separator}${query.toString()}${request.product === 'facebook' ? '#_=_' : '#_'}`,
  );
}

/** Returns a token in the fragment; with `code token` the code too (docs/meta-facts.md#oauth-dialog). */
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
    const login = { status: 'connected', authResponse };
    return html(200, sdkPage(request.sdkOrigin, { login, signup: null, order: 'message_first' }));
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
