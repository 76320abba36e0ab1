import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BrandingConfig } from '../../../src/config/branding-settings.ts';
import { testConfig } from '../../support/test-config.ts';

const PNG = Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1');
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path id="a" d="M0 0"/><use href="#a"/></svg>';
let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'branding-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const fileOf = (content: string | Buffer): string => {
  const file = path.join(folder, 'logo');
  fs.writeFileSync(file, content);
  return file;
};
const read = (environment: Record<string, string>): BrandingConfig => testConfig(environment).branding;
const ofFile = (content: string | Buffer) => read({ BRAND_LOGO_FILE: fileOf(content) }).logo;
const dataUrl = (content: string | Buffer, type = 'svg+xml') =>
  `data:image/${type};base64,${Buffer.from(content).toString('base64')}`;

describe('the look of the pages', () => {
  it('is plain by default', () => {
    expect(read({})).toEqual({ name: null, color: null, logo: null });
  });

  it('has a name and a color', () => {
    expect(read({ BRAND_NAME: 'Açaí & Söhne', BRAND_COLOR: '#ABCDEF' })).toMatchObject({
      name: 'Açaí & Söhne',
      color: '#abcdef',
    });
  });

  it.each([
    [{ BRAND_NAME: 'x'.repeat(61) }, 'BRAND_NAME'],
    [{ BRAND_NAME: 'a\u202eb' }, 'BRAND_NAME'],
    [{ BRAND_COLOR: 'red' }, 'BRAND_COLOR'],
    [{ BRAND_COLOR: '#fff;}body{display:none' }, 'BRAND_COLOR'],
    [{ BRAND_LOGO_FILE: '/nowhere/logo.png' }, "BRAND_LOGO_FILE names a file that can't be read (ENOENT)"],
    [{ BRAND_LOGO_URL: 'http://cdn.example/logo.png' }, 'BRAND_LOGO_URL'],
    [{ BRAND_LOGO_URL: "https://cdn.example/a.png; script-src 'unsafe-inline'" }, 'BRAND_LOGO_URL'],
    [{ BRAND_LOGO_URL: 'https://user:secret@cdn.example/a.png' }, 'BRAND_LOGO_URL'],
    [{ BRAND_LOGO_URL: 'data:text/html;base64,PHA+' }, 'BRAND_LOGO_URL'],
    [{ BRAND_LOGO_URL: dataUrl('<p>', 'png') }, 'BRAND_LOGO_URL must be a PNG'],
  ])('refuses %j', (environment, message) => {
    expect(() => read(environment as unknown as Record<string, string>)).toThrow(message);
  });

  it('goes by the content of a logo, not by its name or type', () => {
    expect(ofFile(PNG)).toEqual({ mediaType: 'image/png', base64: PNG.toString('base64') });
    expect(ofFile(Buffer.from([0xff, 0xd8, 0xff, 0xe0]))).toMatchObject({ mediaType: 'image/jpeg' });
    expect(ofFile('RIFF....WEBPVP8 ')).toMatchObject({ mediaType: 'image/webp' });
    expect(ofFile(`<?xml version="1.0"?>\n<!-- by hand -->\n${SVG}`)).toMatchObject({ mediaType: 'image/svg+xml' });
    expect(read({ BRAND_LOGO_URL: dataUrl(PNG) }).logo).toMatchObject({ mediaType: 'image/png' });
    expect(read({ BRAND_LOGO_URL: 'https://cdn.example/logo.png?v=1' }).logo).toEqual({
      url: 'https://cdn.example/logo.png?v=1',
    });
  });

  it('refuses two logos, other files, and large ones', () => {
    expect(() => read({ BRAND_LOGO_FILE: fileOf(PNG), BRAND_LOGO_URL: dataUrl(PNG) })).toThrow('both set');
    expect(() => ofFile('<!doctype html><p>')).toThrow('must be a PNG, JPEG, WebP or SVG image of at most 256 KiB');
    expect(() => ofFile(Buffer.concat([PNG, Buffer.alloc(256 * 1024)]))).toThrow(
      `it has ${PNG.length + 256 * 1024} bytes`,
    );
  });

  it.each([
    '<svg><script>alert(1)</script></svg>',
    '<svg onload="alert(1)"></svg>',
    '<svg><a href="javascript:alert(1)"/></svg>',
    '<svg><image href="https://evil.example/x.png"/></svg>',
    "<svg><image xlink:href = 'https://evil.example/x.png'/></svg>",
    '<svg><use href=//evil.example/x.svg#a /></svg>',
    '<svg><style>@import url(https://evil.example/x.css)</style></svg>',
    '<svg><style>@import "https://evil.example/x.css"</style></svg>',
    '<svg><foreignObject><p/></foreignObject></svg>',
    '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]><svg>&x;</svg>',
  ])('refuses an SVG that runs or loads something: %s', (svg) => {
    expect(() => ofFile(svg)).toThrow('BRAND_LOGO_FILE');
  });
});
