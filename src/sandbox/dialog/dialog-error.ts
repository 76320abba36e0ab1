/** A refusal that Meta shows as an HTML page instead of redirecting (docs/meta-facts.md#oauth-dialog). */
export class DialogError extends Error {}
