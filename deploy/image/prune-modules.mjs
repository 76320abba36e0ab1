/**
 * Deletes files that Node never loads from a node_modules folder: TypeScript, source maps, documentation, and TypeORM's
 * build for browsers. Licenses stay. Usage: node prune-modules.mjs <node_modules>
 */
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const FILES = /(\.map|\.[cm]?ts|\.tsbuildinfo|\.flow|\.md|\.markdown)$/i;
const KEPT = /^(licen[cs]e|notice|copying)/i;
const FOLDERS = ['.github', 'typeorm/browser'];

const [root] = process.argv.slice(2);
if (root === undefined) throw new Error('usage: node prune-modules.mjs <node_modules>');

const entries = readdirSync(root, { recursive: true, withFileTypes: true });
for (const entry of entries) {
  const file = path.join(entry.parentPath, entry.name);
  const isFolder = entry.isDirectory() && FOLDERS.some((folder) => file.endsWith(`/${folder}`));
  const isFile = entry.isFile() && FILES.test(entry.name) && !KEPT.test(entry.name);
  if (isFolder || isFile) rmSync(file, { recursive: true, force: true });
}
