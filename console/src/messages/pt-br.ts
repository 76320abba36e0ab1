import { AUDIT_ENTRIES } from './en/audit-entries.ts';
import { CONNECTION } from './en/connection.ts';
import { CONNECTIONS } from './en/connections.ts';
import { OVERVIEW } from './en/overview.ts';
import type { Messages } from './messages.ts';
import { FRAME } from './pt-br/frame.ts';
import { PAGE_NAMES } from './pt-br/pages.ts';
import { SIGN_IN } from './pt-br/sign-in.ts';
import { TERMS } from './pt-br/terms.ts';

/** In Brazilian Portuguese. */
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
