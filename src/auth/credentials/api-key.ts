import type { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { generateChecksummedToken, isChecksummedToken } from './checksummed-token.ts';

const PREFIX = 'mtv';
/** Form of `BOOTSTRAP_ADMIN_KEY`, as the configuration validates it. */
const BOOTSTRAP_KEY_PATTERN = /^[\x21-\x7e]{32,512}$/;

/** Generates an API key: `mtv_` + 49 base62 characters. */
export function generateApiKey(random: Random): SecretString {
  return generateChecksummedToken(PREFIX, random);
}

/**
 * Whether a bearer key can be one of ours, without asking the database. Keys we generated need a valid checksum;
 * anything else can only be a bootstrap key, which the operator chose. Not compared with this replica's setting,
 * because another replica may have been started with a newer one.
 */
export function isApiKeyCandidate(value: string): boolean {
  if (value.startsWith(`${PREFIX}_`) && value.length === PREFIX.length + 50) return isChecksummedToken(PREFIX, value);
  return BOOTSTRAP_KEY_PATTERN.test(value);
}
