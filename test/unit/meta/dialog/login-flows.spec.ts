import { FLOWS, type Flow } from '../../../../src/config/products.ts';
import { loginFlow } from '../../../../src/meta/dialog/login-flows.ts';

describe('the table of flows', () => {
  it.each([
    ['facebook_login', 'facebook', 'facebook', ['user', 'system_user'], 'user'],
    ['instagram_login', 'instagram_api', 'instagram', ['instagram_user'], 'instagram_user'],
    ['threads_login', 'threads', 'threads', ['threads_user'], 'threads_user'],
    ['embedded_signup', 'facebook', 'facebook', ['system_user', 'user'], null],
    ['import', null, null, null, null],
  ] as const)('says of %s where its codes and dialogs are and what it gives', (flow, codeHost, dialog, kinds, kind) => {
    const descriptor = loginFlow(flow);
    expect(descriptor.codeHost).toBe(codeHost);
    expect(descriptor.dialog).toBe(dialog);
    expect(descriptor.tokenHost).toBe(dialog);
    expect(descriptor.tokenKinds).toEqual(kinds);
    expect(descriptor.unconfiguredKind).toBe(kind);
  });

  it('allows login configurations and the JS SDK for flows of facebook.com only', () => {
    const having = (has: (flow: Flow) => boolean) => FLOWS.filter(has);
    expect(having((flow) => loginFlow(flow).takesLoginConfiguration)).toEqual(['facebook_login', 'embedded_signup']);
    expect(having((flow) => loginFlow(flow).hasJsSdk)).toEqual(['facebook_login', 'embedded_signup']);
    expect(having((flow) => loginFlow(flow).isOpenedBySdk)).toEqual(['embedded_signup']);
    expect(having((flow) => loginFlow(flow).requiresLoginConfiguration)).toEqual(['embedded_signup']);
    expect(having((flow) => loginFlow(flow).takesSignupFeatures)).toEqual(['embedded_signup']);
  });

  it('lists every flow under its own name', () => {
    expect(FLOWS.map((flow) => loginFlow(flow).flow)).toEqual(FLOWS);
  });

  it.each(['device_login', '', 'constructor'])('rejects the flow %j with a message', (flow) => {
    expect(() => loginFlow(flow as Flow)).toThrow(
      `Unknown flow ${JSON.stringify(flow)}: this release knows facebook_login, instagram_login, threads_login, embedded_signup, import.`,
    );
  });
});
