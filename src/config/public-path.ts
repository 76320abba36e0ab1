import type { Config } from './config.ts';

/** The path of `PUBLIC_URL`, which a proxy in front strips: empty, or such as `/vault`. For links on our pages. */
export function publicPath({ publicUrl }: Pick<Config, 'publicUrl'>): string {
  return new URL(publicUrl).pathname.replace(/\/$/, '');
}
