import type { Config } from '../../config/config.ts';
import { PRODUCTS } from '../../config/products.ts';
import { listConnectionsByApp } from '../../connections/connection/connections-by-app.query.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { appNotConfiguredFailure } from '../../lifecycle/failures/attempt-failure.ts';
import { FAILURES } from '../../lifecycle/failures/failure-codes.ts';
import { type MissingSettings, missingLoginSettings } from '../../meta/dialog/missing-login-settings.ts';
import { productDescriptor } from '../../meta/dialog/products.ts';
import type { MetaApps } from '../../meta/meta-apps.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

const SHOWN = 5;

/** Lists logins that cannot be used because settings are missing. */
export function checkLoginConfiguration({ meta }: Pick<Config, 'meta'>): Finding[] {
  const logins = PRODUCTS.flatMap((product) =>
    productDescriptor(product).flows.map((flow) => ({
      name: `${flow} for ${product}`,
      missing: missingLoginSettings(meta, { product, flow }),
    })),
  );
  const findings = logins.flatMap(({ name, missing }) => (missing === null ? [] : [toFinding(name, missing)]));
  return findings.length > 0 ? findings : [fine('login_configuration', 'every login has its settings')];
}

function toFinding(name: string, { settings, dashboard }: MissingSettings): Finding {
  const names = settings.join(' and ');
  const detail = `${name} is not configured: without ${names} its sessions are refused (login_not_configured).`;
  const remedy = `Set ${names} from Meta's app dashboard (${dashboard}), or ignore this if you do not use the login.`;
  return attention('login_configuration', detail, remedy);
}

/** Lists connections that are not maintained, because the app of their tokens is not the configured one. */
export async function checkConnectionApps(executor: SqlExecutor, apps: MetaApps): Promise<Finding[]> {
  const groups = await listConnectionsByApp(executor, SHOWN);
  const served = await Promise.all(groups.map((group) => apps.serves(group)));
  const unserved = groups.filter((_, index) => !served[index]);
  return unserved.map(({ appId, kind, count, connectionIds }) => {
    const shown = `${connectionIds.join(', ')}${count > SHOWN ? ' and others' : ''}`;
    const detail = `${count} active connections (${shown}): ${appNotConfiguredFailure({ appId, kind }).detail}`;
    return wrong('login_configuration', detail, FAILURES.app_not_configured.remedy);
  });
}
