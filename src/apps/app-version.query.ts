import sql, { type Sql } from 'sql-template-tag';

/**
 * Scalar subquery: the current version of the app with this id, as Meta app or inner app, for `MetaApps.find`; null if
 * it was not created over the API. For statements that read a connection anyway.
 */
export function appVersionOf(appId: Sql): Sql {
  return sql`(SELECT a.mac FROM meta_app a WHERE a.app_id = ${appId}
      UNION ALL SELECT a.mac FROM meta_app a WHERE a.instagram_app_id = ${appId}
      UNION ALL SELECT a.mac FROM meta_app a WHERE a.threads_app_id = ${appId} LIMIT 1)`;
}
