/**
 * JSON text passed on verbatim: Meta's ids exceed 2^53, so parsing and serializing would change them. Postgres rejects
 * invalid JSON.
 */
export class RawJson {
  constructor(readonly text: string) {}
}

/** The event's connection as it was when the event happened: its app, and what the product called it. */
export interface EventDescription {
  /** The app that the connection's token belongs to. Null: no connection, erased, or stored by an earlier release. */
  app_id: string | null;
  reference: string | null;
  /** JSON text; null: no connection, erased, or stored by an earlier release. */
  metadata: string | null;
}

/** Adds `reference`, `metadata` and `app_id` to an event's data, which is JSON text of an object with fields. */
export function addDescription(data: string, { app_id: appId, reference, metadata }: EventDescription): string {
  if (metadata === null) return data;
  const app = appId === null ? '' : `,"app_id":${JSON.stringify(appId)}`;
  const open = data.slice(0, data.lastIndexOf('}'));
  return `${open},"reference":${JSON.stringify(reference)},"metadata":${metadata}${app}}`;
}

/** Serializes an event's data. Inserts top-level `RawJson` values verbatim. */
export function serializeEventData(data: Readonly<Record<string, unknown>>): string {
  const members: string[] = [];
  for (const [name, value] of Object.entries(data)) {
    const text = value instanceof RawJson ? value.text : (JSON.stringify(value) as string | undefined);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}
