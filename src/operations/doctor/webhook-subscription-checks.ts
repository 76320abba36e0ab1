import type { Config } from '../../config/config.ts';
import type { AppApi } from '../../meta/app-api.ts';
import type { WebhookSubscription } from '../../meta/assets/discovery-responses.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { attention, type Finding, fine } from './finding.ts';

/** These make Meta report lost access. Without them only the daily inspection notices. */
const REQUIRED_OBJECTS = ['permissions', 'whatsapp_business_account', 'page', 'instagram'];

/** Checks that Meta sends its webhooks here. */
export async function checkWebhookSubscriptions({ publicUrl }: Config, api: AppApi): Promise<Finding[]> {
  const url = `${publicUrl}/webhooks/meta`;
  let subscriptions: WebhookSubscription[];
  try {
    subscriptions = await api.listSubscriptions();
  } catch (error) {
    if (!(error instanceof MetaError)) throw error;
    const detail = `Meta did not list the app's webhook subscriptions (${error.verdict.kind}).`;
    return [attention('webhook_subscriptions', detail, 'Fix what is reported about the app, then run this again.')];
  }
  const enter = `In the app's dashboard, under Webhooks, enter the callback URL ${url} with META_WEBHOOK_VERIFY_TOKEN.`;
  const elsewhere = subscriptions.filter(({ callbackUrl }) => callbackUrl !== url);
  const inactive = subscriptions.filter(({ callbackUrl, active }) => callbackUrl === url && !active);
  const here = subscriptions.filter(({ callbackUrl, active }) => callbackUrl === url && active);
  const missing = REQUIRED_OBJECTS.filter((object) => !here.some((each) => each.object === object));
  return [
    ...elsewhere.map(({ object, callbackUrl }) =>
      attention('webhook_subscriptions', `Webhooks for ${object} go to ${callbackUrl ?? 'nowhere'}, not here.`, enter),
    ),
    ...inactive.map(({ object }) =>
      attention('webhook_subscriptions', `The subscription to ${object} is not active: nothing arrives.`, enter),
    ),
    ...(missing.length === 0
      ? []
      : [
          attention(
            'webhook_subscriptions',
            `Not subscribed to ${missing.join(', ')}: only the daily inspection notices lost access.`,
            `${enter} Leave out what you do not use.`,
          ),
        ]),
    ...(here.length === 0
      ? []
      : [fine('webhook_subscriptions', `${here.map(({ object }) => object).join(', ')} arrive here`)]),
  ];
}
