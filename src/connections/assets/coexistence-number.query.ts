import sql from 'sql-template-tag';
import { defineStatement } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';

/** A connection's numbers that are also used in the WhatsApp Business app. */
export const selectCoexistenceNumbers = defineStatement<{ connectionId: ConnectionId }, { id: string }>(
  'phone_number_coexistence',
  ({ connectionId }) => sql`SELECT id FROM asset
    WHERE connection_id = ${connectionId} AND type = 'phone_number' AND details->'registration'->>'status' = 'coexistence'`,
);
