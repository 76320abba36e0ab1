import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionReader } from '../../src/connections/connection-reader.ts';
import {
  api,
  type ConnectStage,
  connectStage,
  createSession,
  decide,
  goThrough,
  RETURN_ORIGIN,
  TestBrowser,
} from '../support/connect.ts';

describe('connecting through Facebook Login', () => {
  let stage: ConnectStage;
  beforeAll(async () => {
    stage = await connectStage();
  });
  afterAll(() => stage.close());

  const view = async (id: string) => {
    const found = await stage.replica.app.get(ConnectionReader).findAcrossTenants(id);
    if (found === null) throw new Error('no such connection');
    return found;
  };

  it('ends at the return_url with a connection', async () => {
    const session = await createSession(stage, { return_url: `${RETURN_ORIGIN}/done?a=1&b=%20` });
    expect(session.id).toMatch(/^cns_/);
    expect(session.expires_at).toBe('2026-11-22T12:10:00.000Z');
    const browser = new TestBrowser(stage);
    const dialog = await browser.open(session.connect_url);
    expect(dialog.searchParams.get('redirect_uri')).toBe('http://localhost:3000/oauth/meta/callback');
    const answer = await browser.get(await decide(dialog));
    expect(answer.status).toBe(302);
    const location = String(answer.headers['location']);
    expect(location).toMatch(
      /^https:\/\/app\.example\/done\?a=1&b=%20&status=connected&connection_id=con_[0-9a-z]{26}$/,
    );
    const connection = await view(location.split('connection_id=')[1] ?? '');
    expect(connection).toMatchObject({ status: 'active', status_reason: null, tenant: 'acme', product: 'pages' });
    expect(connection.credentials).toHaveLength(4);
    expect(connection.assets.map((asset) => asset.type)).toEqual(['page', 'page', 'page']);
  });
});
