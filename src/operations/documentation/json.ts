/** A part of the API document. */
export type Json = { [key: string]: unknown };
