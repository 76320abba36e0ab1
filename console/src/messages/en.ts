import { AUDIT_ENTRIES } from './en/audit-entries.ts';
import { CONNECTION } from './en/connection.ts';
import { CONNECTIONS } from './en/connections.ts';
import { FRAME } from './en/frame.ts';
import { OVERVIEW } from './en/overview.ts';
import { PAGE_NAMES } from './en/pages.ts';
import { SIGN_IN } from './en/sign-in.ts';
import { TERMS } from './en/terms.ts';

/** All that the console says. `{…}` are placeholders: a test compares them with those of the other languages. */
export const MESSAGES = {
  frame: FRAME,
  signIn: SIGN_IN,
  pages: PAGE_NAMES,
  terms: TERMS,
  overview: OVERVIEW,
  connections: CONNECTIONS,
  connection: CONNECTION,
  auditEntries: AUDIT_ENTRIES,
};
