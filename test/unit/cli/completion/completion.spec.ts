import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runProgram } from '../../../../src/cli/program.ts';

async function scriptFor(shell: string): Promise<string> {
  const out: string[] = [];
  const process = { environment: {}, print: (text: string) => void out.push(text), printError: () => undefined };
  expect(await runProgram(['completion', shell], process)).toBe(0);
  return out.join('\n');
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'completion-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a script to a file. Returns its path. */
function saved(script: string): string {
  const file = path.join(folder, 'script');
  writeFileSync(file, script);
  return file;
}

const has = (shell: string): boolean => spawnSync(shell, ['-c', ':']).status === 0;
const inBash = has('bash') ? it : it.skip;

/** What bash offers for the last of these words. */
async function complete(...words: string[]): Promise<string[]> {
  const program = `${await scriptFor('bash')}
    compopt() { echo compopt; }
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _metavault
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', program, 'bash', 'metavault', ...words], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

describe('metavault completion bash', () => {
  inBash.each<[string[], string[]]>([
    [['k'], ['keys']],
    [['re'], ['revoke', 'refresh']],
    [
      ['keys', 'r'],
      ['rotate', 'rewrap', 'retire'],
    ],
    [['help', 'aud'], ['audit']],
    [['keys', 'retire', ''], []],
    [
      ['keys', 'destroy', 'kek_1', '--'],
      ['--yes', '--json', '--help'],
    ],
    [['keys', 'destroy', 'kek_1', '--y'], ['--yes']],
    [
      ['keys', 'rotate', ''],
      ['--json', '--help'],
    ],
    [
      ['connections', 'list', '--status', ''],
      ['active', 'reauth_required', 'revoked'],
    ],
    [['connections', 'list', '--tenant', 'keys', '--product', 'w'], ['whatsapp']],
    [['connections', 'list', '--tenant', ''], []],
    [
      ['clients', 'create', '--role', 'a'],
      ['admin', 'auditor'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['nonsense', 'rot'], ['rotate']],
  ])('offers for %j: %j', async (words, offered) => {
    expect(await complete(...words)).toEqual(offered);
  });

  inBash('offers file names where a file is meant', async () => {
    expect(await complete('import', 'package.js')).toEqual(['compopt', 'package.json']);
    expect(await complete('import', 'x', '--done-file', 'package.js')).toContain('package.json');
    expect(await complete('import', '--done')).toEqual(['--done-file']);
  });
});

describe('metavault completion', () => {
  it.each(['bash', 'zsh', 'fish'])('prints a script that %s can parse', async (shell) => {
    const script = await scriptFor(shell);
    expect(script).toContain('reauth_required');
    if (!has(shell)) return;
    const { status, stderr } = spawnSync(shell, ['-n', saved(script)], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  (has('fish') ? it : it.skip)('completes in fish', async () => {
    const file = saved(await scriptFor('fish'));
    const offered = (line: string): string[] => {
      const program = `source ${file}; complete --do-complete '${line}'`;
      const { stdout } = spawnSync('fish', ['--no-config', '-c', program], { encoding: 'utf8' });
      return stdout.split('\n').flatMap((each) => (each === '' ? [] : [each.split('\t')[0] ?? '']));
    };
    expect(offered('metavault keys r')).toEqual(['retire', 'rewrap', 'rotate']);
    expect(offered('metavault connections list --status ')).toEqual(['active', 'reauth_required', 'revoked']);
  });
});
