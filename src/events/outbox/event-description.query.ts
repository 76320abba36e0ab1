import sql from 'sql-template-tag';

/** JOIN, on events `e` to insert: the current reference and metadata of their connections (`described`). */
export const JOIN_DESCRIPTION = sql`LEFT JOIN connection described ON described.id = e.connection_id`;
