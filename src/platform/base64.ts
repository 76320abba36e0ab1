/**
 * Decodes base64url without padding (RFC 4648, section 5). Returns null for text that does not encode back to itself:
 * Node ignores foreign characters and unused trailing bits, so that several texts would decode to the same bytes.
 */
export function decodeBase64Url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
