import type { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { generateChecksummedToken, isChecksummedToken } from './checksummed-token.ts';

const PREFIX = 'mtv';
/** The form of `BOOTSTRAP_ADMIN_KEY`, which the configuration checks. */
const BOOTSTRAP_KEY_PATTERN = /^[\x21-\x7e]{32,512}$/;

/** A fresh API key: `mtv_` + 49 base62 characters. */
export function generateApiKey(random: Random): SecretString {
  return generateChecksummedToken(PREFIX, random);
}

/**
 * Whether a bearer key can be one of ours, decided without the database. A key in our own form must have a valid checksum; anything else
 * can only be a bootstrap key, in the form that the operator chose. It is not compared with this replica's own setting, because another
 * replica may have been started with a newer one.
 */
export function isApiKeyCandidate(value: string): boolean {
  if (value.startsWith(`${PREFIX}_`) && value.length === PREFIX.length + 50) return isChecksummedToken(PREFIX, value);
  return BOOTSTRAP_KEY_PATTERN.test(value);
}
