import type { FastifyReply } from 'fastify';
import type { PageScript } from '../../customer-pages/customer-pages.ts';
import type { DoneMessage, DoneSetup } from '../../customer-pages/page-setup.ts';
import { type ConnectSession, openerOrigin } from '../connect-session.ts';
import { type ConnectResult, withResult } from '../sessions/return-url.ts';

/** As Fastify parses it. `display=popup`: opened by `@metavault/connect`. */
export type DisplayQuery = Readonly<Record<string, unknown>>;

/** Whether our last page has an opener to notify: without an origin, a pop-up is a window like any other. */
export function isPopup(session: ConnectSession, { display }: DisplayQuery): boolean {
  return display === 'popup' && openerOrigin(session) !== null;
}

/** Lets this window and the page that opened it as a pop-up reach each other (docs/api.md#connecting). */
export function keepOpener(reply: FastifyReply): void {
  reply.header('cross-origin-opener-policy', 'unsafe-none');
}

/** Returns the script that sends the result to the opening page, if that has the session's origin; null without one. */
export function buildDoneScript(session: ConnectSession, result: ConnectResult): PageScript | null {
  const targetOrigin = openerOrigin(session);
  if (targetOrigin === null) return null;
  const returnUrl = session.returnUrl === null ? null : withResult(session.returnUrl, result);
  const setup: DoneSetup = { message: toDoneMessage(result), targetOrigin, returnUrl };
  return { name: 'done.js', setup };
}

function toDoneMessage(result: ConnectResult): DoneMessage {
  const type = 'metavault.connect';
  if ('error' in result) return { type, status: 'error', error: result.error };
  return { type, status: 'connected', connection_id: result.connectionId };
}
