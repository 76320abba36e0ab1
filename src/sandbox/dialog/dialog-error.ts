/** A refusal that Meta shows as an HTML page, without a redirect (META.md 1). */
export class DialogError extends Error {}
