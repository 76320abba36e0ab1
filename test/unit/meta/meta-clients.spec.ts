import { describe, expect, it } from '@jest/globals';
import { MetaApp, MetaApps } from '../../../src/meta/meta-apps.ts';
import { MetaClients } from '../../../src/meta/meta-clients.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { catchMetaError, graphError, META, scriptedMeta, TOKEN } from './scripted-meta.ts';

/** Apps, one of which changes its secret once it has been looked up. */
class ChangingApps extends MetaApps {
  readonly before = new MetaApp(withSecret('old-secret'));
  readonly after = new MetaApp(withSecret('new-secret'));
  #found = 0;

  constructor(private readonly changes: boolean) {
    super({ meta: META });
  }

  override async find(appId: string): Promise<MetaApp | null> {
    if (appId !== '5005') return super.find(appId);
    return this.#found++ === 0 || !this.changes ? this.before : this.after;
  }
}

function withSecret(secret: string) {
  return { ...META, app: { id: '5005', secret: new SecretString(secret) } };
}

const WRONG_SECRET = graphError(1);
const NEW_TOKEN = { body: { access_token: 'EAAnew', expires_in: 5_000_000 } };
const secretsSent = ({ sent }: ReturnType<typeof scriptedMeta>) =>
  sent.map(({ form, url }) => form.get('client_secret') ?? url.searchParams.get('client_secret'));
const exchange = (meta: ReturnType<typeof scriptedMeta>, changes: boolean) =>
  new MetaClients(meta.transport, new ChangingApps(changes), new FakeClock()).call('5005', ({ oauth }) =>
    oauth.refresh('user', TOKEN),
  );

describe('a call as an app', () => {
  it('carries the id and secret of that app', async () => {
    const meta = scriptedMeta(NEW_TOKEN);
    await exchange(meta, false);
    expect(secretsSent(meta)).toEqual(['old-secret']);
    expect(meta.sent[0]?.form.get('client_id')).toBe('5005');
  });

  it('is made once more if Meta refused the app and its secret changed meanwhile', async () => {
    const meta = scriptedMeta(WRONG_SECRET, NEW_TOKEN);
    expect((await exchange(meta, true)).accessToken.expose()).toBe('EAAnew');
    expect(secretsSent(meta)).toEqual(['old-secret', 'new-secret']);
  });

  it('is not repeated for an app that stayed as it was', async () => {
    const meta = scriptedMeta(WRONG_SECRET);
    expect((await catchMetaError(exchange(meta, false))).verdict.kind).toBe('configuration');
    expect(meta.sent).toHaveLength(1);
  });

  it('is not made for an unknown app', async () => {
    const meta = scriptedMeta({ body: {} });
    const clients = new MetaClients(meta.transport, new ChangingApps(false), new FakeClock());
    const error = await catchMetaError(clients.call('9', ({ oauth }) => oauth.refresh('user', TOKEN)));
    expect(error.verdict).toEqual({ kind: 'configuration', what: 'not_configured' });
    expect(meta.sent).toEqual([]);
  });
});
