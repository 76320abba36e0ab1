import type { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { generateChecksummedToken, isChecksummedToken } from './checksummed-token.ts';

const PREFIX = 'mtv';
/** What `BOOTSTRAP_ADMIN_KEY` may be, as the configuration checks it. */
const BOOTSTRAP_KEY_PATTERN = /^[\x21-\x7e]{32,512}$/;

/** A fresh API key: `mtv_` + 49 base62 characters. */
export function generateApiKey(random: Random): SecretString {
  return generateChecksummedToken(PREFIX, random);
}

/**
 * Whether a bearer key can be one of ours at all, decided without the database. A key in our own form must bear its checksum;
 * anything else can only be a bootstrap key, which has the form that the operator gave it. It is not compared with this
 * replica's own setting, because another replica may have been started with a newer one.
 */
export function isApiKeyCandidate(value: string): boolean {
  if (value.startsWith(`${PREFIX}_`) && value.length === PREFIX.length + 50) return isChecksummedToken(PREFIX, value);
  return BOOTSTRAP_KEY_PATTERN.test(value);
}
