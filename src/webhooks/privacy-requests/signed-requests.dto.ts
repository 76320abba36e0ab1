export interface DeauthorizationResponse {
  success: true;
}

/** The shape Meta requires (docs/meta-facts.md#deauthorization-and-deletion). */
export interface DataDeletionResponse {
  url: string;
  confirmation_code: string;
}
