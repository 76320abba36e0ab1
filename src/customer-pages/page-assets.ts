import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { brandStyle } from './brand-style.ts';

/** A file that browsers load. */
export interface PageAsset {
  /** `page-3f2a….css`: the hash is that of the content. */
  fileName: string;
  mediaType: string;
  content: Buffer;
}

export type AssetName = 'page.css' | 'signup.js' | 'done.js' | 'connect.js' | 'logo';

const HASH_LENGTH = 16;
const FILE_NAME = /^([a-z]+)(?:-[0-9a-f]{16})?(\.[a-z]+)?$/;
const MEDIA_TYPES = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' } as const;

/** The files built from `customer-pages/` and `clients/browser`, with the operator's color and logo. Read once. */
@Injectable()
export class PageAssets {
  #assets: ReadonlyMap<string, PageAsset> | null = null;

  constructor(private readonly config: Config) {}

  /** Reads the files. Throws if they are not built; a replica calls it before it listens. */
  load(): ReadonlyMap<string, PageAsset> {
    this.#assets ??= new Map(this.read().map((asset) => [asset.name, asset]));
    return this.#assets;
  }

  get(name: AssetName): PageAsset {
    const asset = this.load().get(name);
    if (asset === undefined) throw new Error(`There is no file ${name} for pages.`);
    return asset;
  }

  /** Returns the file of a name with any hash or none: during an upgrade, pages of both releases are open. */
  find(fileName: string): PageAsset | null {
    const [, stem = '', extension = ''] = FILE_NAME.exec(fileName) ?? [];
    const isLogo = stem === 'logo' && extension === '';
    return this.load().get(isLogo ? 'logo' : stem + extension) ?? null;
  }

  private read(): (PageAsset & { name: AssetName })[] {
    const { color, logo } = this.config.branding;
    const css = Buffer.concat([readBuilt('page.css'), Buffer.from(brandStyle(color))]);
    return [
      toAsset('page.css', css, MEDIA_TYPES['.css']),
      ...(['signup.js', 'done.js', 'connect.js'] as const).map((name) =>
        toAsset(name, readBuilt(name), MEDIA_TYPES['.js']),
      ),
      ...(logo === null || 'url' in logo ? [] : [toAsset('logo', Buffer.from(logo.base64, 'base64'), logo.mediaType)]),
    ];
  }
}

function toAsset(name: AssetName, content: Buffer, mediaType: string): PageAsset & { name: AssetName } {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, HASH_LENGTH);
  const { name: stem, ext } = path.parse(name);
  return { name, fileName: `${stem}-${hash}${ext}`, mediaType, content };
}

function readBuilt(name: string): Buffer {
  const file = path.join(distFolder(), 'customer-pages', name);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Error(`The pages' file ${name} is not built: run "npm run build".`, { cause });
  }
}

/** This file is `dist/src/…`, or `src/…` when sources run as they are. */
function distFolder(): string {
  const above = path.resolve(import.meta.dirname, '../..');
  return path.basename(above) === 'dist' ? above : path.join(above, 'dist');
}
