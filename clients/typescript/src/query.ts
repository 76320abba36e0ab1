/** Serializes the parameters that are set, each with `write`. */
export function toQuery(
  parameters: Readonly<Record<string, unknown>>,
  write: (value: unknown) => string = String,
): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, write(value));
  return query;
}
