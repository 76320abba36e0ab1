/**
 * JSON text that goes out as it came: Meta's ids exceed 2^53, so parsing and writing them again would change them.
 * The text is taken as valid JSON; Postgres refuses it otherwise.
 */
export class RawJson {
  constructor(readonly text: string) {}
}

/** An event's data as JSON text. `RawJson` values (of the object itself, not deeper) are put in as they are. */
export function serializeEventData(data: Readonly<Record<string, unknown>>): string {
  const members: string[] = [];
  for (const [name, value] of Object.entries(data)) {
    const text = value instanceof RawJson ? value.text : (JSON.stringify(value) as string | undefined);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}
