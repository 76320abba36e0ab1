/** The path of the service's public URL, without a trailing slash: empty, or `/vault` behind a proxy. */
export const PUBLIC_PATH = document.querySelector<HTMLMetaElement>('meta[name="public-path"]')?.content ?? '';
