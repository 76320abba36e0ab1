/** The path of the service's public address, without a slash at its end: empty, or `/vault` behind a proxy. */
export const PUBLIC_PATH = document.querySelector<HTMLMetaElement>('meta[name="public-path"]')?.content ?? '';
