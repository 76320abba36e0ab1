/**
 * JSON text that is passed on verbatim: Meta's ids exceed 2^53, so parsing and serializing them would change them. The text must be valid
 * JSON; Postgres refuses it otherwise.
 */
export class RawJson {
  constructor(readonly text: string) {}
}

/** An event's data as JSON text. Top-level `RawJson` values are inserted verbatim. */
export function serializeEventData(data: Readonly<Record<string, unknown>>): string {
  const members: string[] = [];
  for (const [name, value] of Object.entries(data)) {
    const text = value instanceof RawJson ? value.text : (JSON.stringify(value) as string | undefined);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}
