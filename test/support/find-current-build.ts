import fs from 'node:fs';
import path from 'node:path';

/** The build folder if it is newer than every source (`npm test` has just built it): child processes start faster. */
export function findCurrentBuild(root: string): string | undefined {
  const build = path.join(root, 'dist');
  // Written by each build, unlike the files that a build found unchanged.
  const buildInfo = path.join(build, 'tsconfig.build.tsbuildinfo');
  if (!fs.existsSync(buildInfo)) return undefined;
  const builtAt = fs.statSync(buildInfo).mtimeMs;
  const isOlder = (folder: string): boolean =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .every((file) => !file.isFile() || fs.statSync(path.join(file.parentPath, file.name)).mtimeMs <= builtAt);
  return isOlder('src') && isOlder('migrations') ? build : undefined;
}
