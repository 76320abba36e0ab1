import { buildDialogUrl } from '../../../../src/meta/dialog/dialog-url.ts';
import { buildSignupExtras } from '../../../../src/meta/dialog/embedded-signup.ts';
import { withoutFragmentSuffix } from '../../../../src/meta/dialog/fragment-suffix.ts';
import { META } from '../scripted-meta.ts';

const FEATURE = 'whatsapp_business_app_onboarding' as const;

describe('Embedded Signup v4', () => {
  it('has empty extras unless a session chooses features', () => {
    expect(buildSignupExtras({})).toEqual({});
    expect(buildSignupExtras({ featureType: null, features: [] })).toEqual({});
    expect(buildSignupExtras({ featureType: FEATURE, features: ['app_only_install'] })).toEqual({
      featureType: FEATURE,
      features: [{ name: 'app_only_install' }],
    });
  });

  it('opens as a full page by its configuration, with extras only if there are any', () => {
    const withConfig = { ...META, loginConfigIds: { whatsapp: '555' } };
    const request = {
      product: 'whatsapp',
      flow: 'embedded_signup',
      redirectUri: 'https://a.test/cb',
      state: 's',
    } as const;
    const queryOf = (change: object) =>
      Object.fromEntries(new URL(buildDialogUrl(withConfig, { ...request, ...change })).searchParams);
    expect(queryOf({ featureType: null, features: [] })).toEqual({
      client_id: '1001',
      redirect_uri: 'https://a.test/cb',
      state: 's',
      config_id: '555',
      response_type: 'code',
      override_default_response_type: 'true',
    });
    expect(queryOf({ featureType: FEATURE, features: [] })['extras']).toBe(JSON.stringify({ featureType: FEATURE }));
  });
});

it.each([
  ['AQx#_', 'AQx'],
  ['AQx#_=_', 'AQx'],
  ['AQx%23_', 'AQx'],
  ['AQx%23_%3D_', 'AQx'],
  ['AQx%23_%3d_', 'AQx'],
  ['AQx#_%3D_', 'AQx'],
  ['AQx', 'AQx'],
  ['AQx_', 'AQx_'],
  ['AQx#', 'AQx#'],
  ['AQ#_x', 'AQ#_x'],
  ['AQ_=_', 'AQ_=_'],
])('reads the code %s as %s', (code, taken) => {
  expect(withoutFragmentSuffix(code)).toBe(taken);
});
