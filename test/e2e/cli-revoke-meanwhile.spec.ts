import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { type CliTestContext, openCliTestContext } from '../support/cli-test-context.ts';

let context: CliTestContext;

beforeAll(async () => {
  context = await openCliTestContext();
});
afterAll(() => context?.close());

/** For each revoked connection of this tenant, makes a new one as a user would, up to `count`. */
const MEANWHILE = `
  CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF (SELECT count(*) FROM connection WHERE tenant = NEW.tenant) < 4 THEN
      INSERT INTO connection (id, tenant, product, flow, status, app_id, meta_user_id, scopes, declined_scopes, graph_api_version,
          authorized_at, created_at, updated_at)
        VALUES (NEW.id || 'X', NEW.tenant, NEW.product, NEW.flow, 'active', NEW.app_id, NEW.meta_user_id || '1', '{}', '{}',
          NEW.graph_api_version, now(), now(), now());
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER meanwhile AFTER UPDATE ON connection FOR EACH ROW
    WHEN (NEW.status = 'revoked' AND OLD.status <> 'revoked') EXECUTE FUNCTION meanwhile()`;

it('also ends connections made while a tenant is being revoked, but only those named if revoked by id', async () => {
  for (const tenant of ['all', 'one']) {
    const file = context.file(
      `${tenant}.csv`,
      `tenant,product,access_token\n${tenant},pages,${context.createUserToken()}`,
    );
    expect(await context.run('import', file)).toMatchObject({ code: 0 });
  }
  await context.sql.query(MEANWHILE);
  const standing = async (tenant: string): Promise<string[]> => {
    const { data } = await context.json<{ data: ConnectionResponse[] }>('connections', 'list', '--tenant', tenant);
    return data.map(({ status }) => status);
  };
  const revoked = await context.json<{ data: { id: string }[] }>('revoke', '--tenant', 'all', '--yes');
  expect(revoked.data).toHaveLength(4);
  expect(await standing('all')).toEqual(['revoked', 'revoked', 'revoked', 'revoked']);

  const { data } = await context.json<{ data: ConnectionResponse[] }>('connections', 'list', '--tenant', 'one');
  expect(await context.run('revoke', data[0]?.id ?? '', '--yes')).toMatchObject({ code: 0 });
  expect(await standing('one')).toEqual(['revoked', 'active']);
});
