import type { MetaConfig } from '../../config/config.ts';

/** Where a page of ours loads Meta's JavaScript SDK from, and which messages it trusts. */
export interface JsSdkScript {
  url: string;
  /** Accept messages from this exact origin, or, if it begins with a dot, from https hosts under it. */
  messageOrigin: string;
  /** Hosts that the Content-Security-Policy must allow for connections and frames. */
  hosts: readonly string[];
}

const PATH = '/en_US/sdk.js';

/** Returns the SDK that matches the configured dialog: Meta's, or the sandbox's. */
export function buildJsSdkScript({ dialogUrl }: MetaConfig): JsSdkScript {
  const { hostname, origin } = new URL(dialogUrl);
  if (hostname === 'facebook.com' || hostname.endsWith('.facebook.com')) {
    const hosts = ['https://*.facebook.com', 'https://*.facebook.net'];
    return { url: `https://connect.facebook.net${PATH}`, messageOrigin: '.facebook.com', hosts };
  }
  const url = `${dialogUrl.replace(/\/www\.facebook\.com$/, '/connect.facebook.net')}${PATH}`;
  return { url, messageOrigin: origin, hosts: [origin] };
}
