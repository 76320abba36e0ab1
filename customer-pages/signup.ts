// The Embedded Signup page (docs/meta-facts.md#embedded-signup). The session message and the callback of `FB.login`
// arrive in either order, so a code, valid for 30 seconds, waits briefly for the ids. Every `FINISH…` event is reported
// at once because the pop-up often loses the code (docs/meta-facts.md#full-page-embedded-signup); errors arrive as
// CANCEL. Reposting is safe: an attempt's code is exchanged once. The full page is always linked, and stands out once
// the pop-up has failed.
import type { SignupSetup } from '../src/customer-pages/page-setup.ts';
import { loadSdk, openSignup } from './facebook-sdk.ts';
import { getElement, readSetup } from './read-setup.ts';
import { parseSessionMessage, type SignupFields } from './session-message.ts';

const WAIT_FOR_SDK_MS = 15_000;
const WAIT_FOR_IDS_MS = 3_000;
const WAIT_FOR_CODE_MS = 60_000;
const WAIT_AFTER_END_MS = 15_000;
const POST_AGAIN_MS = 2_000;
const POSTS = 4;

const setup = readSetup<SignupSetup>();
const { messages } = setup;
const text = getElement('text');
const start = getElement('start') as HTMLButtonElement;
const back = getElement('back');
const full = getElement('full');

/** The pop-up opened last. Only its results count: an earlier one may close late. */
let opening = 0;
let fields: SignupFields | null = null;
let code: string | null = null;
let problem: string | null = null;
let isSent = false;
let act: () => void = login;
let idTimer: number | undefined;
let codeTimer: number | undefined;

function say(message: string): void {
  text.textContent = message;
}

function offer(label: string, action: () => void): void {
  start.textContent = label;
  act = action;
  start.disabled = false;
}

function offerFullPage(): void {
  full.className = 'button';
  full.textContent = messages.continueOnFullPage;
  start.className = 'secondary';
}

function reload(): void {
  location.reload();
}

function post(path: string, body: object): Promise<Response> {
  return fetch(setup.basePath + path + setup.query, {
    method: 'POST',
    keepalive: true,
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Posts what ends the attempt, and goes where the answer says. */
async function send(path: string, body: object, posts: number): Promise<void> {
  start.disabled = true;
  back.hidden = true;
  say(messages.moment);
  try {
    const response = await post(path, body);
    const result = (await response.json()) as { redirect_to?: string; code?: string };
    if (result.redirect_to !== undefined) {
      location.assign(result.redirect_to);
      return;
    }
    say(setup.errors[result.code ?? ''] ?? messages.failed);
    offer(messages.startAgain, reload);
  } catch {
    if (posts > 1) {
      setTimeout(() => void send(path, body, posts - 1), POST_AGAIN_MS);
      return;
    }
    say(messages.offline);
    offer(messages.sendAgain, () => void send(path, body, POSTS));
  }
}

function report(posts: number): void {
  post('/report', fields ?? {}).catch(() => {
    if (posts > 1) setTimeout(() => report(posts - 1), POST_AGAIN_MS);
  });
}

function complete(): void {
  if (isSent || code === null) return;
  isSent = true;
  clearTimeout(idTimer);
  clearTimeout(codeTimer);
  void send('/complete', { ...fields, code }, POSTS);
}

function offerOtherWays(message: string): void {
  if (isSent || code !== null) return;
  say(message);
  offer(messages.tryAgain, login);
  offerFullPage();
  back.hidden = false;
}

function stop(): void {
  if (!isSent && code === null) clearTimeout(codeTimer);
  offerOtherWays(fields === null ? (problem ?? messages.left) : messages.lost);
}

function waitForCode(milliseconds: number): void {
  clearTimeout(codeTimer);
  codeTimer = setTimeout(() => offerOtherWays(fields === null ? messages.quiet : messages.lost), milliseconds);
}

function login(): void {
  opening += 1;
  const current = opening;
  fields = code = problem = null;
  say(messages.inWindow);
  waitForCode(WAIT_FOR_CODE_MS);
  try {
    openSignup(setup, (given) => {
      if (current !== opening) return;
      code = given;
      if (code === null) stop();
      else if (fields !== null) complete();
      else idTimer = setTimeout(complete, WAIT_FOR_IDS_MS);
    });
  } catch {
    stop();
  }
}

function describeProblem(metaCode: string | null, session: string | null): string {
  const details = [
    metaCode === null ? '' : `, ${messages.metaCode} ${metaCode}`,
    session === null ? '' : `, ${messages.metaSession} ${session}`,
  ];
  return messages.metaProblem.replace('{details}', details.join(''));
}

window.addEventListener('message', (event) => {
  const message = parseSessionMessage(event, setup.messageOrigin);
  if (message === null) return;
  if (message.kind === 'finished') {
    fields = message.fields;
    if (!isSent) report(POSTS);
    if (code === null) waitForCode(WAIT_AFTER_END_MS);
    complete();
    return;
  }
  if (message.hasProblem) problem = describeProblem(message.code, message.session);
  stop();
});
start.addEventListener('click', () => act());
back.addEventListener('click', () => {
  isSent = true;
  void send('/cancel', {}, POSTS);
});
// The back button restored a completed page.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) reload();
});

full.className = '';
full.textContent = messages.useFullPage;
start.hidden = false;
say(messages.welcome);

function blocked(): void {
  clearTimeout(slow);
  say(messages.blocked);
  offer(messages.loadAgain, reload);
  offerFullPage();
}
const slow = setTimeout(blocked, WAIT_FOR_SDK_MS);
loadSdk(
  setup,
  () => {
    clearTimeout(slow);
    say(messages.welcome);
    offer(messages.start, login);
  },
  blocked,
);
