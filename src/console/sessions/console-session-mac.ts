import { defineRowMac } from '../../database/row-mac.ts';
import type { ConsoleSessionRow } from './console-session.ts';

/** Covers the whole row: who it is, what they may do, and until when. */
export const CONSOLE_SESSION_MAC = defineRowMac<ConsoleSessionRow>('console_session', 1, {
  idOf: ({ id }) => id,
  covers: (row) => [
    row.id,
    row.hash,
    row.method,
    row.subject,
    row.name,
    row.role,
    row.tenants,
    row.client_id,
    row.key_hash,
    row.created_at,
    row.authenticated_at,
    row.last_seen_at,
    row.expires_at,
    row.ended_at,
  ],
});
