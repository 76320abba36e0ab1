/** Response of `GET /schemas/events`. */
export interface EventSchemasResponse {
  version: string;
  /** The URL of each type's schema. */
  types: Record<string, string>;
}
