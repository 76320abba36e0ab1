export interface DeauthorizationResponse {
  success: true;
}

/** In the shape that Meta requires. */
export interface DataDeletionResponse {
  url: string;
  confirmation_code: string;
}
