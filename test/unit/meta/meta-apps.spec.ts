import { TOKEN_KINDS } from '../../../src/config/products.ts';
import { MetaApp, MetaApps } from '../../../src/meta/meta-apps.ts';
import { tokenKind } from '../../../src/meta/tokens/token-kinds.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { META } from './scripted-meta.ts';

const apps = new MetaApps({ meta: META });

describe('MetaApps', () => {
  it('finds its app by any of its ids, and by its own', async () => {
    expect(await apps.find('1001')).toBe(apps.primary);
    expect(await apps.find('2002')).toBe(apps.primary);
    expect(await apps.find('9')).toBeNull();
    expect(await apps.findOwn(null)).toBe(apps.primary);
    expect(await apps.findOwn('1001')).toBe(apps.primary);
    expect(await apps.findOwn('2002')).toBeNull();
  });

  it('lists the ids that tokens may belong to, once each', () => {
    expect(apps.primary.appIds).toEqual(['1001', '2002', '3003']);
    const single = new MetaApps({ meta: { ...META, instagramApp: META.app, threadsApp: META.app } });
    expect(single.primary.appIds).toEqual(['1001']);
  });

  it('lists every secret that may sign, with its app, including the previous one', () => {
    const previousAppSecret = new SecretString('previous');
    const rotated = new MetaApps({ meta: { ...META, previousAppSecret, threadsApp: { ...META.app, id: '3003' } } });
    expect(rotated.primary.signers.map(({ appId, secret }) => [appId, secret.expose()])).toEqual([
      ['1001', 'previous'],
      ['1001', META.app.secret.expose()],
      ['2002', META.instagramApp?.secret.expose()],
      ['3003', META.app.secret.expose()],
    ]);
    expect(new MetaApps({ meta: { ...META, threadsApp: null } }).primary.signers.map(({ appId }) => appId)).toEqual([
      '1001',
      '2002',
    ]);
  });

  it('serves tokens by the app configured for their kind only', async () => {
    expect(await apps.serves({ appId: '3003', kind: 'threads_user' })).toBe(true);
    expect(await apps.serves({ appId: '1001', kind: 'threads_user' })).toBe(false);
    expect(await apps.serves({ appId: '1001', kind: 'page' })).toBe(true);
    const alone = new MetaApps({ meta: { ...META, instagramApp: null } });
    expect(await alone.serves({ appId: '2002', kind: 'instagram_user' })).toBe(false);
    expect(alone.primary.host('instagram').app).toBeNull();
  });
});

it.each(TOKEN_KINDS)("MetaApp calls with a %s token at the host of its kind, as that host's app", (kind) => {
  const app = new MetaApp(META);
  const host = app.hostOf(kind);
  expect(host.name).toBe(tokenKind(kind).host);
  expect(app.appIds).toContain(host.app?.id);
});
