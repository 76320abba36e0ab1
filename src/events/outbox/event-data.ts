/**
 * JSON text passed on verbatim: Meta's ids exceed 2^53, so parsing and serializing would change them. Postgres rejects
 * invalid JSON.
 */
export class RawJson {
  constructor(readonly text: string) {}
}

/** What the product called the event's connection when it happened. */
export interface EventDescription {
  reference: string | null;
  /** JSON text; null: no connection, erased, or stored by an earlier release. */
  metadata: string | null;
}

/** Adds `reference` and `metadata` to an event's data, which is JSON text of an object with fields. */
export function addDescription(data: string, { reference, metadata }: EventDescription): string {
  if (metadata === null) return data;
  return `${data.slice(0, data.lastIndexOf('}'))},"reference":${JSON.stringify(reference)},"metadata":${metadata}}`;
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
