import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { publicPath } from '../config/public-path.ts';
import { escapeHtml } from '../platform/html.ts';
import { Random } from '../platform/random.ts';

/** A file of the site. */
export interface SiteFile {
  mediaType: string;
  content: Buffer;
  /** Compresses on the first call. Null where that would not make it smaller. */
  gzipped(): Promise<Buffer | null>;
}

const NONCE_PLACEHOLDER = '{{nonce}}';
const PATH_PLACEHOLDER = '{{public-path}}';
/** Vite writes the site's files like this. */
const RELATIVE_FILE = '="./';
const NONCE_BYTES = 16;
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};
const gzip = promisify(zlib.gzip);
const COMPRESSIBLE = /^(text\/|application\/(json|manifest)|image\/svg)/;

/** The admins' site as Vite built it from `console/`. Read once. */
@Injectable()
export class ConsoleSite {
  #files: ReadonlyMap<string, SiteFile> = new Map();
  #index: string | null = null;

  constructor(
    private readonly config: Config,
    private readonly random: Random,
  ) {}

  /** Reads the files of a folder, which may be missing: the service works without its site. */
  load(folder = path.join(distFolder(), 'console')): void {
    const names = listFiles(folder);
    const files = names.filter((name) => name !== 'index.html');
    this.#index = names.includes('index.html')
      ? this.locate(readFileSync(path.join(folder, 'index.html'), 'utf8'))
      : null;
    this.#files = new Map(files.map((name) => [name, toFile(name, readFileSync(path.join(folder, name)))]));
  }

  /** Returns a file by its path below /console; null if there is none. */
  find(name: string): SiteFile | null {
    return this.#files.get(name) ?? null;
  }

  /** Renders the page of every address, with a nonce for its styles. Null if the site is not built. */
  render(): { html: string; nonce: string } | null {
    if (this.#index === null) return null;
    const nonce = this.random.bytes(NONCE_BYTES).toString('base64');
    return { html: this.#index.replaceAll(NONCE_PLACEHOLDER, nonce), nonce };
  }

  /** The page is the same at every address, so it needs its files by their whole paths. */
  private locate(index: string): string {
    const base = escapeHtml(publicPath(this.config));
    return index.replaceAll(PATH_PLACEHOLDER, base).replaceAll(RELATIVE_FILE, `="${base}/console/`);
  }
}

/** Paths with slashes, on every system. */
function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function toFile(name: string, content: Buffer): SiteFile {
  const mediaType = MEDIA_TYPES[path.extname(name)] ?? 'application/octet-stream';
  let gzipped: Promise<Buffer | null> | null = COMPRESSIBLE.test(mediaType) ? null : Promise.resolve(null);
  return { mediaType, content, gzipped: () => (gzipped ??= compress(content)) };
}

async function compress(content: Buffer): Promise<Buffer | null> {
  const gzipped = await gzip(content);
  return gzipped.length < content.length ? gzipped : null;
}

/** This file is `dist/src/…`, or `src/…` when sources run as they are. */
function distFolder(): string {
  const above = path.resolve(import.meta.dirname, '../..');
  return path.basename(above) === 'dist' ? above : path.join(above, 'dist');
}
