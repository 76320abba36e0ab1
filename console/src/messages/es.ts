import { APPS } from './es/apps.ts';
import { AUDIT } from './es/audit.ts';
import { AUDIT_ENTRIES } from './es/audit-entries.ts';
import { CLIENTS } from './es/clients.ts';
import { CONNECTION } from './es/connection.ts';
import { CONNECTIONS } from './es/connections.ts';
import { DOCTOR } from './es/doctor.ts';
import { FRAME } from './es/frame.ts';
import { KEYS } from './es/keys.ts';
import { LEASES } from './es/leases.ts';
import { OVERVIEW } from './es/overview.ts';
import { PAGE_NAMES } from './es/pages.ts';
import { SESSIONS } from './es/sessions.ts';
import { SETTINGS } from './es/settings.ts';
import { SIGN_IN } from './es/sign-in.ts';
import { SUBSCRIPTIONS } from './es/subscriptions.ts';
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
  sessions: SESSIONS,
  settings: SETTINGS,
  doctor: DOCTOR,
  apps: APPS,
  keys: KEYS,
  audit: AUDIT,
  leases: LEASES,
  subscriptions: SUBSCRIPTIONS,
  clients: CLIENTS,
};
