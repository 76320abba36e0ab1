/** Returns the parameters that are given, as `write` makes them text. */
export function toQuery(
  parameters: Readonly<Record<string, unknown>>,
  write: (value: unknown) => string = String,
): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, write(value));
  return query;
}
