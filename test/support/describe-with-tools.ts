import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe } from '@jest/globals';

/** `describe` for tests that need installed programs. If one is missing, they are skipped, and their title says why. */
export function describeWithTools(tools: readonly string[], title: string, tests: () => void): void {
  const missing = tools.filter((tool) => !isInstalled(tool));
  if (missing.length === 0) describe(title, tests);
  else describe.skip(`${title} [skipped: ${missing.join(', ')} not installed]`, tests);
}

/** Returns what a program printed on either stream. Throws it if the program failed. */
export function runTool(tool: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')} exited with ${status}:\n${stdout}${stderr}`);
  return stdout + stderr;
}

function isInstalled(tool: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, tool)));
}
