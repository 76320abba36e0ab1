import { readFileSync } from 'node:fs';
import type { EnvironmentReader } from './environment-reader.ts';

/** How customers' pages look. */
export interface BrandingConfig {
  /** The product's name; null: pages name none. */
  readonly name: string | null;
  /** `#rrggbb` of buttons; null: the default. */
  readonly color: string | null;
  readonly logo: Logo | null;
}

/** An image that we serve, or one that browsers load from its https address. */
type Logo = { readonly mediaType: LogoMediaType; readonly base64: string } | { readonly url: string };

export const LOGO_MEDIA_TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/svg+xml'] as const;
type LogoMediaType = (typeof LOGO_MEDIA_TYPES)[number];

const MAX_LOGO_BYTES = 256 * 1024;
/** Not blank; no control characters, none that change the text direction. */
const NAME = /^(?=.*\S)[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,60}$/u;
const DATA_URL = /^data:image\/[a-z0-9.+-]+;base64,([A-Za-z0-9+/]+={0,2})$/i;
/** What an SVG could run, load, or show besides its own shapes. */
const ACTIVE_SVG =
  /<script|<foreignObject|<!ENTITY|@import|\son\w+\s*=|javascript:|(?:href|src)\s*=\s*["']?\s*(?!["'#\s])|url\(\s*["']?(?!["'#\s])/i;
const LOGO_FORM = `a PNG, JPEG, WebP or SVG image of at most ${MAX_LOGO_BYTES / 1024} KiB`;

/** Reads `BRAND_NAME`, `BRAND_COLOR`, and the logo: a file, or an https or data URL. */
export function readBranding(reader: EnvironmentReader): BrandingConfig {
  const file = reader.text('BRAND_LOGO_FILE');
  const url = reader.text('BRAND_LOGO_URL');
  if (file !== null && url !== null)
    reader.fault('BRAND_LOGO_FILE', 'and BRAND_LOGO_URL are both set; remove one of them.');
  return {
    name: reader.matching('BRAND_NAME', NAME, 'a name of at most 60 characters'),
    color: reader.matching('BRAND_COLOR', /^#[0-9a-f]{6}$/i, 'a color such as #0064d1')?.toLowerCase() ?? null,
    logo: file !== null ? readLogoFile(reader, file) : url !== null ? readLogoUrl(reader, url) : null,
  };
}

function readLogoFile(reader: EnvironmentReader, file: string): Logo | null {
  try {
    return toLogo(reader, 'BRAND_LOGO_FILE', readFileSync(file));
  } catch (error) {
    const { code = 'an unknown error' } = error as NodeJS.ErrnoException;
    reader.fault('BRAND_LOGO_FILE', `names a file that can't be read (${code}); check the path and its permissions.`);
    return null;
  }
}

function readLogoUrl(reader: EnvironmentReader, value: string): Logo | null {
  const base64 = DATA_URL.exec(value)?.[1];
  if (base64 !== undefined) return toLogo(reader, 'BRAND_LOGO_URL', Buffer.from(base64, 'base64'));
  // It is put into a policy, in which these characters are separators.
  const url = /^https:\/\/[^\s;,'"\\]+$/i.test(value) && URL.canParse(value) ? new URL(value) : null;
  if (url !== null && url.username === '' && url.password === '') return { url: url.href };
  reader.fault('BRAND_LOGO_URL', 'must be an https:// address, or data:image/…;base64,… with the image itself.');
  return null;
}

/** Decides by content, because a file's name or declared type can be wrong. */
function toLogo(reader: EnvironmentReader, name: string, bytes: Buffer): Logo | null {
  const mediaType = bytes.length > MAX_LOGO_BYTES ? null : mediaTypeOf(bytes);
  if (mediaType === null) {
    reader.fault(name, `must be ${LOGO_FORM}; it has ${bytes.length} bytes.`);
    return null;
  }
  if (mediaType === 'image/svg+xml' && ACTIVE_SVG.test(bytes.toString('utf8'))) {
    reader.fault(name, 'is an SVG with scripts, event handlers or links; save it as plain SVG or as PNG.');
    return null;
  }
  return { mediaType, base64: bytes.toString('base64') };
}

function mediaTypeOf(bytes: Buffer): LogoMediaType | null {
  if (bytes.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))) return 'image/png';
  if (bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return 'image/jpeg';
  const text = bytes.subarray(0, 1024).toString('latin1');
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp';
  return /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!DOCTYPE svg[^>[]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<svg[\s>]/i.test(
    text,
  )
    ? 'image/svg+xml'
    : null;
}
