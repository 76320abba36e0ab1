import type { Messages } from './messages.ts';
import { APPS } from './pt-br/apps.ts';
import { AUDIT } from './pt-br/audit.ts';
import { AUDIT_ENTRIES } from './pt-br/audit-entries.ts';
import { CLIENTS } from './pt-br/clients.ts';
import { CONNECTION } from './pt-br/connection.ts';
import { CONNECTIONS } from './pt-br/connections.ts';
import { DOCTOR } from './pt-br/doctor.ts';
import { FRAME } from './pt-br/frame.ts';
import { KEYS } from './pt-br/keys.ts';
import { LEASES } from './pt-br/leases.ts';
import { OVERVIEW } from './pt-br/overview.ts';
import { PAGE_NAMES } from './pt-br/pages.ts';
import { SESSIONS } from './pt-br/sessions.ts';
import { SETTINGS } from './pt-br/settings.ts';
import { SIGN_IN } from './pt-br/sign-in.ts';
import { SUBSCRIPTIONS } from './pt-br/subscriptions.ts';
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
