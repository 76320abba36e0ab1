import { describe, expect, it } from '@jest/globals';
import type { Flow, Product } from '../../../../src/config/products.ts';
import { buildDialogUrl } from '../../../../src/meta/dialog/dialog-url.ts';
import { missingAppSettings, missingLoginSettings } from '../../../../src/meta/dialog/missing-login-settings.ts';
import { META } from '../scripted-meta.ts';

const BARE = { ...META, instagramApp: null, threadsApp: null };

describe('missing login settings', () => {
  it.each<[Product, Flow, string[]]>([
    ['instagram', 'instagram_login', ['INSTAGRAM_APP_ID', 'INSTAGRAM_APP_SECRET']],
    ['threads', 'threads_login', ['THREADS_APP_ID', 'THREADS_APP_SECRET']],
    ['whatsapp', 'embedded_signup', ['META_LOGIN_CONFIG_ID_WHATSAPP']],
  ])('are named: %s by %s', (product, flow, settings) => {
    const missing = missingLoginSettings(BARE, { product, flow });
    expect(missing?.settings).toEqual(settings);
    expect(missing?.dashboard).not.toBe('');
    const whole = { ...META, loginConfigIds: { whatsapp: '1' } };
    expect(missingLoginSettings(whole, { product, flow })).toBeNull();
  });

  it.each<[Product, Flow]>([
    ['instagram', 'facebook_login'],
    ['whatsapp', 'facebook_login'],
    ['threads', 'import'],
  ])('are none for %s by %s', (product, flow) => {
    expect(missingLoginSettings(BARE, { product, flow })).toBeNull();
  });

  it('are none for the Meta app, which always exists', () => {
    expect(missingAppSettings(BARE, 'facebook')).toBeNull();
  });
});

it.each([['instagram', 'instagram_login'] as const, ['threads', 'threads_login'] as const])(
  'no dialog of %s is built for another app',
  (product, flow) => {
    const request = { product, flow, redirectUri: 'https://a.test/cb', state: 's' };
    expect(() => buildDialogUrl(BARE, request)).toThrow('open_dialog: configuration (not_configured), not sent');
    expect(new URL(buildDialogUrl(META, request)).searchParams.get('client_id')).not.toBe(META.app.id);
  },
);
