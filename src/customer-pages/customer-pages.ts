import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Config } from '../config/config.ts';
import { publicPath } from '../config/public-path.ts';
import { escapeHtml } from '../platform/html.ts';
import type { Locale } from './locale.ts';
import { type AssetName, PageAssets } from './page-assets.ts';

export interface CustomerPage {
  locale: Locale;
  /** Text. */
  title: string;
  /** HTML. All untrusted text must already be escaped. */
  body: string;
  /** A script of the page, and what it reads as JSON. */
  script?: PageScript;
  /** Replaces directives of the policy; null removes one. */
  policy?: Readonly<Record<string, string | null>>;
}

export interface PageScript {
  name: AssetName;
  /** What the script reads. Not secret: it is in the page. */
  setup: object;
  /** If the policy uses one. */
  nonce?: string;
}

/** Renders and sends the pages that customers see: with the product's name, logo and color, in their language. */
@Injectable()
export class CustomerPages {
  constructor(
    private readonly config: Config,
    private readonly assets: PageAssets,
  ) {}

  /** Sends a page with its policy. The caller sets the status. */
  send(reply: FastifyReply, page: CustomerPage): void {
    reply
      .type('text/html; charset=utf-8')
      .header('content-language', page.locale)
      .header('content-security-policy', this.policyOf(page))
      .send(this.render(page));
  }

  render({ locale, title, body, script }: CustomerPage): string {
    const { name } = this.config.branding;
    return `<!doctype html>
<html lang="${locale}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>${escapeHtml(name === null ? title : `${title} · ${name}`)}</title>
<link rel="stylesheet" href="${this.path('page.css')}">
${script === undefined ? '' : renderScript(this.path(script.name), script)}</head>
<body>
${this.renderHeader()}<main>
${body}
</main>
</body>
</html>
`;
  }

  /** Where the page may load the logo from. */
  get imageSources(): string {
    const { logo } = this.config.branding;
    return logo !== null && 'url' in logo ? `'self' data: ${new URL(logo.url).origin}` : `'self' data:`;
  }

  private renderHeader(): string {
    const { name, logo } = this.config.branding;
    if (logo === null) return name === null ? '' : `<header>${escapeHtml(name)}</header>\n`;
    const source = escapeHtml('url' in logo ? logo.url : this.path('logo'));
    return `<header><img src="${source}" alt="${escapeHtml(name ?? '')}"></header>\n`;
  }

  private path(name: AssetName): string {
    return `${publicPath(this.config)}/assets/${this.assets.get(name).fileName}`;
  }

  /** No inline script or style, no resources of other hosts but the logo. */
  private policyOf({ policy = {}, script }: CustomerPage): string {
    const directives = {
      'default-src': "'none'",
      ...(script === undefined ? {} : { 'script-src': "'self'" }),
      'style-src': "'self'",
      'img-src': this.imageSources,
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
      ...policy,
    };
    return Object.entries(directives)
      .filter(([, sources]) => sources !== null)
      .map(([name, sources]) => `${name} ${sources}`)
      .join('; ');
  }
}

/** A deferred script runs once the page is parsed. `<` is escaped so that the text can't end the element. */
function renderScript(path: string, { setup, nonce }: PageScript): string {
  const json = JSON.stringify(setup).replaceAll('<', '\\u003c');
  const attribute = nonce === undefined ? '' : ` nonce="${nonce}"`;
  return `<script type="application/json" id="setup">${json}</script>
<script src="${path}"${attribute} defer></script>
`;
}
