import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isNamed } from '../../../../src/gateway/request/call-rules.ts';
import { parseGatewayPath } from '../../../../src/gateway/request/gateway-path.ts';
import {
  collectParameter,
  createControlParameters,
  parseParameters,
} from '../../../../src/gateway/request/parameters.ts';
import { findWebhookReason } from '../../../../src/gateway/request/webhook-rules.ts';

/** A call as the parser makes it. */
function callOf(method: string, target: string) {
  const [path = '', query = ''] = target.split('?');
  const parsed = parseGatewayPath(`/graph${path}`);
  const parameters = parseParameters(query);
  if (parsed === null || parameters === null) throw new Error(`${target} is no call`);
  const controls = createControlParameters();
  for (const { name, value } of parameters) collectParameter(controls, name, value);
  return { ...controls, segments: parsed.segments, methods: [method, ...controls.methods] };
}
const outcomeOf = (method: string, target: string) =>
  findWebhookReason(callOf(method, target)) === null ? 'passes' : 'refused';

describe('calls that leave webhooks where they are', () => {
  it.each([
    ['post', '/1/subscribed_apps'],
    ['post', '/v26.0/1/subscribed_apps/'],
    ['post', '/1/subscribed_apps?subscribed_fields=messages,feed'],
    ['post', '/1/subscribed_apps?method=post'],
    ['get', '/1/subscribed_apps'],
    ['get', '/1/subscribed_apps?override_callback_uri=https://x.test'],
    ['get', '/1/subscriptions'],
    ['head', '/app/subscriptions'],
    ['get', '/1?fields=webhook_configuration'],
    ['post', '/1'],
    ['post', '/1/messages'],
    ['delete', '/1'],
    ['post', '/1/subscriptions_sample'],
    ['delete', '/?id=https://shop.test/subscriptions'],
  ])('%s %s', (method, target) => expect(outcomeOf(method, target)).toBe('passes'));
});

describe('calls that would move or end webhooks', () => {
  it.each([
    ['delete', '/1/subscribed_apps'],
    ['delete', '/v26.0/me/Subscribed_Apps/'],
    ['delete', '/1/%73ubscribed_apps'],
    ['delete', '/1/subscribed_apps/2'],
    ['delete', '/1/subscribed_apps.json'],
    ['delete', '/subscribed_apps?ids=1,2'],
    ['delete', '/?id=1/subscribed_apps'],
    ['delete', '/?ids=["1%2Fsubscribed_apps"]'],
    ['post', '/1/subscribed_apps?method=delete'],
    ['post', '/1/subscribed_apps?%6Dethod=DELETE'],
    ['post', '/1/subscribed_apps?method=%20Delete%20'],
    ['post', '/1/subscribed_apps?method[]=delete'],
    ['post', '/1/subscribed_apps?method=get&method=delete'],
    ['post', '/1/subscribed_apps?method={result=a:$.name}'],
    ['get', '/1/subscribed_apps?method=delete'],
    ['options', '/1/subscribed_apps'],
    ['post', '/1/subscriptions'],
    ['post', '/app/subscriptions?method=get'],
    ['delete', '/1/subscriptions'],
    ['post', '/1/SUBSCRIPTIONS'],
    ['get', '/1/subscriptions?method=post'],
    ['post', '/subscriptions?id=1'],
    ['post', '/?ids=1/subscriptions'],
    ['post', '/1/subscribed_apps?override_callback_uri=https://x.test'],
    ['post', '/1/subscribed_apps?override_callback_uri='],
    ['post', '/1/subscribed_apps?override_callback_uri'],
    ['post', '/1/subscribed_apps?override%5Fcallback%5Furi=x'],
    ['post', '/1/subscribed_apps?override.callback.uri=x'],
    ['post', '/1/subscribed_apps?Override_Callback_Uri=x'],
    ['post', '/1/subscribed_apps?+override_callback_uri[0]=x'],
    ['post', '/1/subscribed_apps?method=get&override_callback_uri=x'],
    ['get', '/1/subscribed_apps?method=post&override_callback_uri=x'],
    ['put', '/1/subscribed_apps?override_callback_uri=x'],
    ['post', '/1?webhook_configuration={"override_callback_uri":"x"}'],
    ['post', '/1?webhook_configuration[override_callback_uri]=x'],
    ['post', '/1?webhook_url=https://x.test'],
    ['post', '/?id=1&webhook_configuration={}'],
    ['post', '/1/phone_numbers?webhook_configuration={}'],
    ['post', '/1?is_webhooks_subscribed=false'],
    ['post', '/1?deauth_callback_url=https://x.test'],
  ])('%s %s', (method, target) => expect(outcomeOf(method, target)).toBe('refused'));

  it('say which, and what to do', () => {
    expect(findWebhookReason(callOf('post', '/1?webhook_url=x'))).toMatch(/webhook_url.*\/v1\/subscriptions.*allow/s);
    expect(findWebhookReason(callOf('delete', '/1/subscribed_apps'))).toMatch(/end Meta's webhooks/);
  });
});

/** Each letter plain or percent-encoded, in either case. */
const spelled = (name: string) =>
  fc.array(fc.integer({ min: 0, max: 3 }), { minLength: name.length, maxLength: name.length }).map((how) =>
    [...name]
      .map((letter, index) => {
        const cased = (how[index] ?? 0) % 2 === 0 ? letter : letter.toUpperCase();
        return (how[index] ?? 0) < 2 ? cased : `%${cased.charCodeAt(0).toString(16)}`;
      })
      .join(''),
  );

it('are found in every spelling of path, parameter and method', () => {
  const path = fc
    .tuple(fc.constantFrom('', '/v26.0', '/V25.0'), spelled('subscribed_apps'), fc.constantFrom('', '/'))
    .map(([before, edge, after]) => `${before}/1/${edge}${after}`);
  const parameters = [spelled('override_callback_uri'), spelled('method'), spelled('delete')] as const;
  fc.assert(
    fc.property(path, ...parameters, (target, callback, method, word) => {
      expect(outcomeOf('delete', target)).toBe('refused');
      expect(outcomeOf('post', `${target}?${method}=${word}`)).toBe('refused');
      expect(outcomeOf('post', `${target}?a=b&${callback}=https%3A%2F%2Fx.test`)).toBe('refused');
      expect(outcomeOf('post', `${target}?a=b`)).toBe('passes');
    }),
  );
});

describe('an allow list', () => {
  it.each([
    ['DELETE /*/subscribed_apps', 'delete', '/1/subscribed_apps'],
    ['ANY /*/subscribed_apps', 'delete', '/1/subscribed_apps'],
    ['DELETE /*/subscribed_apps', 'post', '/1/subscribed_apps?method=delete'],
    ['POST /*/subscribed_apps', 'post', '/1/subscribed_apps?override_callback_uri=x'],
    ['POST /app/subscriptions', 'post', '/v26.0/app/subscriptions'],
    ['POST /106540352242922', 'post', '/106540352242922?webhook_configuration={}'],
  ])('%s names %s %s', (pattern, method, target) => expect(isNamed([pattern], callOf(method, target))).toBe(true));

  it.each([
    ['ANY /**', 'delete', '/1/subscribed_apps'],
    ['ANY /*/*', 'delete', '/1/subscribed_apps'],
    ['ANY /*/**', 'delete', '/1/subscribed_apps'],
    ['DELETE /1/subscribed_*', 'delete', '/1/subscribed_apps'],
    ['POST /*/subscribed_apps', 'delete', '/1/subscribed_apps'],
    ['POST /*/subscribed_apps', 'post', '/1/subscribed_apps?method=delete'],
    ['DELETE /*/subscribed_apps', 'delete', '/1/Subscribed_Apps'],
    ['POST /*', 'post', '/1?webhook_configuration={}'],
    ['POST /*/messages', 'post', '/1/subscribed_apps?override_callback_uri=x'],
    ['DELETE /1/subscribed_apps', 'delete', '/subscribed_apps?ids=1,2'],
  ])('%s does not name %s %s', (pattern, method, target) =>
    expect(isNamed([pattern], callOf(method, target))).toBe(false),
  );
});
