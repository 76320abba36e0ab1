import type { Config } from './config.ts';

/** The path of `PUBLIC_URL`, which a proxy in front takes away: empty, or `/vault`. For links of our pages. */
export function publicPath({ publicUrl }: Pick<Config, 'publicUrl'>): string {
  return new URL(publicUrl).pathname.replace(/\/$/, '');
}
