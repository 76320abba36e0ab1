import { type Api, readPages } from './api.ts';
import type { CallOptions, QueryOf, Schemas } from './operation-types.ts';

type Subscription = Schemas['SubscriptionResponse'];
type DeliveryQuery = QueryOf<'get', '/v1/subscriptions/{id}/deliveries'>;

/** Subscriptions to events. */
export class Subscriptions {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** The `secret` is only in this one response. */
  create(
    body: Schemas['CreateSubscriptionRequest'],
    options: CallOptions = {},
  ): Promise<Schemas['CreatedSubscriptionResponse']> {
    return this.#api.request('post', '/v1/subscriptions', { body, ...options });
  }

  /** All subscriptions, page by page. */
  all(options: CallOptions = {}): AsyncGenerator<Subscription> {
    return readPages((cursor) =>
      this.#api.request('get', '/v1/subscriptions', { query: cursor === undefined ? {} : { cursor }, ...options }),
    );
  }

  get(id: string, options: CallOptions = {}): Promise<Subscription> {
    return this.#api.request('get', '/v1/subscriptions/{id}', { path: { id }, ...options });
  }

  update(id: string, body: Schemas['UpdateSubscriptionRequest'], options: CallOptions = {}): Promise<Subscription> {
    return this.#api.request('patch', '/v1/subscriptions/{id}', { path: { id }, body, ...options });
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#api.request('delete', '/v1/subscriptions/{id}', { path: { id }, ...options });
  }

  /** Both secrets sign until the old one expires. */
  rotateSecret(
    id: string,
    body: Schemas['RotateSecretRequest'] = {},
    options: CallOptions = {},
  ): Promise<Schemas['RotatedSecretResponse']> {
    return this.#api.request('post', '/v1/subscriptions/{id}/rotate-secret', { path: { id }, body, ...options });
  }

  /** Sends one request at once, and returns its outcome. */
  test(id: string, options: CallOptions = {}): Promise<Schemas['SubscriptionTestResponse']> {
    return this.#api.request('post', '/v1/subscriptions/{id}/test', { path: { id }, ...options });
  }

  /** Its deliveries, page by page. */
  deliveries(
    id: string,
    query: Omit<DeliveryQuery, 'cursor'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Schemas['DeliveryResponse']> {
    return readPages((cursor) =>
      this.#api.request('get', '/v1/subscriptions/{id}/deliveries', {
        path: { id },
        query: { ...query, ...(cursor === undefined ? {} : { cursor }) },
        ...options,
      }),
    );
  }

  /** Delivers one event again. */
  async replay(deliveryId: string, options: CallOptions = {}): Promise<void> {
    await this.#api.request('post', '/v1/deliveries/{id}/replay', { path: { id: deliveryId }, ...options });
  }
}
