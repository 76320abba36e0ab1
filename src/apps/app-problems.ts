import { defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    ambiguous_app: true;
    app_exists: true;
    app_in_environment: true;
    app_in_use: true;
    app_not_found: true;
    app_rejected: true;
  }
}

export const appNotFound = defineProblem(
  'app_not_found',
  404,
  'No Meta app has this id here.',
  "Use the Meta app's own id, not that of its Instagram or Threads app; GET /v1/apps lists all apps.",
);
export const appRejected = defineProblem(
  'app_rejected',
  409,
  'Meta does not accept this app id with this secret. Nothing was stored.',
  'Compare both with the app dashboard: App settings, Basic. After a reset, only the new secret is valid.',
);
export const appExists = defineProblem(
  'app_exists',
  409,
  'An app with this id is known already.',
  'Change it with PATCH /v1/apps/{app_id}, or its secret with POST /v1/apps/{app_id}/secret.',
);
export const appInUse = defineProblem(
  'app_in_use',
  409,
  'Connections that are not revoked still use this app.',
  'Revoke them first, or have their customers connect again under another app; GET /v1/apps/{app_id} counts them.',
);
export const appInEnvironment = defineProblem(
  'app_in_environment',
  409,
  "This is the environment's app, which cannot be changed over the API.",
  'Change the settings META_APP_ID, META_APP_SECRET and their like, and restart the service.',
);
export const ambiguousApp = defineProblem(
  'ambiguous_app',
  409,
  'Several apps of equal rank serve this tenant.',
  'Name one of them as app_id, or have only one of them name the tenant.',
);
