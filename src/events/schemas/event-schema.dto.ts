/** Response of `GET /schemas/events`. */
export interface EventSchemasResponse {
  version: string;
  /** The address of each type's schema. */
  types: Record<string, string>;
}
