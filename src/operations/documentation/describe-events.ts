import { eventSchema, SCHEMA_TYPES } from '../../events/schemas/event-schemas.ts';
import type { Json } from './json.ts';

const header = (name: string, description: string, example: string): Json => ({
  name,
  in: 'header',
  required: true,
  description,
  schema: { type: 'string' },
  example,
});

/** As Standard Webhooks defines them (docs/receiving-events.md#what-you-can-rely-on). */
const HEADERS: readonly Json[] = [
  header('webhook-id', 'Id of the event, the same in every repeat', 'evt_01k7gm2v9s8x4d0c6b5a3n1f2e'),
  header('webhook-timestamp', 'Time of this attempt in seconds since 1970', '1764000000'),
  header(
    'webhook-signature',
    'HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}`; several, separated by spaces, during a rotation of secrets',
    'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  ),
];

/** Describes every event: a schema component each, and the request that delivers it under `webhooks`. */
export function describeEvents(serverUrl: string): { schemas: Json; webhooks: Json } {
  const schemas: Json = {};
  const webhooks: Json = {};
  for (const type of SCHEMA_TYPES) {
    const { $schema: _schema, $id: _id, ...schema } = eventSchema(type, `${serverUrl}/schemas/events`) ?? {};
    const name = `${toPascalCase(type)}Event`;
    const description = descriptionOf(schema);
    schemas[name] = { ...schema, description };
    webhooks[type] = { post: describeDelivery(type, name, description) };
  }
  return { schemas, webhooks };
}

function describeDelivery(type: string, schemaName: string, description: string): Json {
  return {
    operationId: `receive${schemaName}`,
    tags: ['events'],
    summary: `Receive ${type}`,
    description,
    security: [],
    parameters: HEADERS,
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${schemaName}` } } },
    },
    responses: {
      '2XX': { description: 'The event is accepted. Only the status counts; answer within ten seconds.' },
      '410': { description: 'Ends the subscription.' },
      '4XX': { description: 'Delivered again later. `Retry-After` of a 429 holds back the whole subscription.' },
      '5XX': { description: 'Delivered again later. `Retry-After` of a 503 holds back the whole subscription.' },
    },
  };
}

/** The description of `data` is that of the event; if it has several shapes, the first one's. */
function descriptionOf(schema: Json): string {
  const { data } = schema['properties'] as { data: { description?: string; anyOf?: { description: string }[] } };
  return data.description ?? data.anyOf?.[0]?.description ?? '';
}

function toPascalCase(type: string): string {
  return type.replaceAll(/(?:^|[._])([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
