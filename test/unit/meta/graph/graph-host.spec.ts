import { appToken, requireApp } from '../../../../src/meta/graph/app-credentials.ts';
import { type GraphHostName, graphHostDescriptor } from '../../../../src/meta/graph/graph-host.ts';
import { MetaApp } from '../../../../src/meta/meta-apps.ts';
import { META } from '../scripted-meta.ts';

const app = new MetaApp(META);

describe('the table of API hosts', () => {
  it.each([
    [
      'facebook',
      META.graphUrl,
      META.app,
      META.graphApiVersion,
      true,
      `/${META.graphApiVersion}/oauth/access_token`,
      '',
    ],
    ['instagram', META.instagramGraphUrl, META.instagramApp, META.graphApiVersion, true, '/oauth/access_token', ''],
    ['instagram_api', META.instagramApiUrl, META.instagramApp, META.graphApiVersion, false, '/oauth/access_token', ''],
    ['threads', META.threadsGraphUrl, META.threadsApp, 'v1.0', false, '/oauth/access_token', 'TH|'],
  ] as const)(
    'gives %s its address, app, version and tokens',
    (name, baseUrl, credentials, version, isProofSupported, tokenPath, prefix) => {
      const host = app.host(name);
      expect(host).toMatchObject({ name, baseUrl, version, isProofSupported, tokenPath });
      expect(host.app).toBe(credentials);
      expect(requireApp(host, 'x')).toBe(credentials);
      expect(appToken(host, 'x').expose()).toBe(`${prefix}${credentials?.id}|${credentials?.secret.expose()}`);
    },
  );

  it.each([
    ['facebook', 'facebook', true, true, ['1001']],
    ['instagram', 'instagram', true, false, ['2002']],
    ['instagram_api', 'instagram', false, false, ['2002']],
    ['threads', 'threads', false, false, ['3003', '1001']],
  ] as const)(
    'says of %s whose error codes it has, what else belongs to it, and which apps it names',
    (name, dialect, hasUploadHost, hasMediaHosts, ids) => {
      expect(graphHostDescriptor(name)).toMatchObject({ name, errorDialect: dialect, hasUploadHost, hasMediaHosts });
      expect(app.inspectableAppIds(name)).toEqual(ids);
    },
  );

  it.each(['instagram', 'instagram_api', 'threads'] as const)('gives %s no other app if its own is missing', (name) => {
    const alone = new MetaApp({ ...META, instagramApp: null, threadsApp: null });
    expect(alone.host(name).app).toBeNull();
    expect(() => appToken(alone.host(name), 'inspect')).toThrow('inspect: configuration (not_configured), not sent');
    expect(alone.appIds).toEqual(['1001']);
    expect(alone.signers.map(({ appId }) => appId)).toEqual(['1001']);
  });

  it('rejects an unknown host with a message', () => {
    expect(() => graphHostDescriptor('whatsapp' as GraphHostName)).toThrow('Unknown Meta API host "whatsapp".');
  });
});
