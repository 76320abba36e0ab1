import type { MetaConfig } from '../../config/config.ts';

/** Meta's JavaScript SDK as a page of ours loads and trusts it (META.md 8). */
export interface JsSdkScript {
  url: string;
  /** Messages count when their origin is this one, or an https host under it where it begins with a dot. */
  messageOrigin: string;
  /** What a Content-Security-Policy must let it talk to and frame. */
  hosts: readonly string[];
}

const PATH = '/en_US/sdk.js';

/** The SDK that belongs to the configured dialog: Meta's own, or the one beside a stand-in's dialog. */
export function buildJsSdkScript({ dialogUrl }: MetaConfig): JsSdkScript {
  const { hostname, origin } = new URL(dialogUrl);
  if (hostname === 'facebook.com' || hostname.endsWith('.facebook.com')) {
    const hosts = ['https://*.facebook.com', 'https://*.facebook.net'];
    return { url: `https://connect.facebook.net${PATH}`, messageOrigin: '.facebook.com', hosts };
  }
  const url = `${dialogUrl.replace(/\/www\.facebook\.com$/, '/connect.facebook.net')}${PATH}`;
  return { url, messageOrigin: origin, hosts: [origin] };
}
