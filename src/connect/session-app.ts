import type { MetaApp, MetaApps } from '../meta/meta-apps.ts';
import { appRemovedError } from './connect-problems.ts';
import type { ConnectSession } from './connect-session.ts';

/** Returns the app of a session, as it is now. Throws `login_not_configured` if it has been deleted. */
export async function findSessionApp(apps: MetaApps, { appId }: Pick<ConnectSession, 'appId'>): Promise<MetaApp> {
  const app = await apps.findOwn(appId);
  if (app === null) throw appRemovedError();
  return app;
}
