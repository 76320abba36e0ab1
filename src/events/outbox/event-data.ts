/**
 * JSON text passed on verbatim: Meta's ids exceed 2^53, so parsing and serializing would change them. Postgres rejects
 * invalid JSON.
 */
export class RawJson {
  constructor(readonly text: string) {}
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
