import type { SecretString } from '../../platform/secret-string.ts';
import { asObject, field, type Json, readText } from '../graph/lossless-json.ts';

const MAX_LENGTH = 200;
const HIDDEN = '[hidden]';
/** No word in a sentence is this long; tokens, secrets, and proofs are. Ids, in digits, may stay. */
const TOKEN_LIKE = /(?!\d+(?![\w|+/=-]))[\w|+/=-]{24,}/g;

/**
 * Returns the text of Meta's error, for people: one line of at most 200 characters, without anything that looks like a
 * token and without `secrets`. Null if there is no text. Only for calls that carry no user's token.
 */
export function readMetaWords(body: Json | undefined, secrets: readonly SecretString[]): string | null {
  const object = asObject(body);
  const said = readText(asObject(field(object, 'error')), 'message') ?? readText(object, 'error_message');
  if (said === null) return null;
  const hidden = secrets.reduce((text, secret) => hide(text, secret.expose()), said);
  const words = hidden
    .replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replaceAll(TOKEN_LIKE, HIDDEN)
    .trim();
  if (words === '') return null;
  return words.length <= MAX_LENGTH ? words : `${words.slice(0, MAX_LENGTH - 1)}…`;
}

function hide(text: string, secret: string): string {
  const spellings = [secret, encodeURIComponent(secret), secret.toUpperCase(), secret.toLowerCase()];
  return spellings.reduce((rest, each) => rest.replaceAll(each, HIDDEN), text);
}
