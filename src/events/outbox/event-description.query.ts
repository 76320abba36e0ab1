import sql from 'sql-template-tag';

/** JOIN, on events `e` to insert: what their connections' products call them now (`described`). */
export const JOIN_DESCRIPTION = sql`LEFT JOIN connection described ON described.id = e.connection_id`;
