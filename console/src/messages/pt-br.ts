import type { Messages } from './messages.ts';
import { AUDIT_ENTRIES } from './pt-br/audit-entries.ts';
import { CONNECTION } from './pt-br/connection.ts';
import { CONNECTIONS } from './pt-br/connections.ts';
import { FRAME } from './pt-br/frame.ts';
import { OVERVIEW } from './pt-br/overview.ts';
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
