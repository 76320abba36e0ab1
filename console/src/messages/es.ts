import { AUDIT_ENTRIES } from './es/audit-entries.ts';
import { CONNECTION } from './es/connection.ts';
import { CONNECTIONS } from './es/connections.ts';
import { FRAME } from './es/frame.ts';
import { OVERVIEW } from './es/overview.ts';
import { PAGE_NAMES } from './es/pages.ts';
import { SIGN_IN } from './es/sign-in.ts';
import { TERMS } from './es/terms.ts';
import type { Messages } from './messages.ts';

/** In Spanish. */
export const MESSAGES: Messages = {
  frame: FRAME,
  signIn: SIGN_IN,
  pages: PAGE_NAMES,
  terms: TERMS,
  overview: OVERVIEW,
  connections: CONNECTIONS,
  connection: CONNECTION,
  auditEntries: AUDIT_ENTRIES,
};
