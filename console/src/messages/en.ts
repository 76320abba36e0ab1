import { APPS } from './en/apps.ts';
import { AUDIT } from './en/audit.ts';
import { AUDIT_ENTRIES } from './en/audit-entries.ts';
import { CLIENTS } from './en/clients.ts';
import { CONNECTION } from './en/connection.ts';
import { CONNECTIONS } from './en/connections.ts';
import { DOCTOR } from './en/doctor.ts';
import { FRAME } from './en/frame.ts';
import { KEYS } from './en/keys.ts';
import { LEASES } from './en/leases.ts';
import { OVERVIEW } from './en/overview.ts';
import { PAGE_NAMES } from './en/pages.ts';
import { SESSIONS } from './en/sessions.ts';
import { SETTINGS } from './en/settings.ts';
import { SIGN_IN } from './en/sign-in.ts';
import { SUBSCRIPTIONS } from './en/subscriptions.ts';
import { TERMS } from './en/terms.ts';

/** All texts of the console. `{…}` are placeholders: a test compares them with those of the other languages. */
export const MESSAGES = {
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
