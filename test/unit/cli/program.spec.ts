import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { examplesOf } from '../../../src/cli/command-examples.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { listCommands, readProgram } from '../../support/cli-reference.ts';
import { findParsedCommand } from '../../support/command-lines.ts';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runProgram(args, {
    environment: {},
    print: (text) => void out.push(text),
    printError: (text) => void err.push(text),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const commands = listCommands(readProgram());

const groups = (command: Command): Command[] =>
  command.commands.length === 0 ? [] : [command, ...command.commands.flatMap(groups)];

describe('every command', () => {
  it.each(commands.map(({ path }) => path))(
    'metavault %s has a help with an example and the exit codes',
    async (path) => {
      const { code, out, err } = await run(...path.split(' '), '--help');
      expect([code, err]).toEqual([0, '']);
      expect(out).toMatch(/^Examples:\n {2}# .+\n {2}\$ .*metavault /m);
      expect(out).toMatch(/^Exit codes:\n {2}0 .+\n {2}1 .+\n {2}2 .+\n {2}130 .+/m);
      expect(out).toMatch(/^ +--json +print one JSON document/m);
    },
  );

  it('has a description, and so has each of its options', () => {
    for (const { path, command } of commands) {
      expect([path, command.description()]).toEqual([path, expect.stringMatching(/^[a-z].{10,}[^.]$/)]);
      for (const option of command.options) {
        expect([path, option.long, option.description]).toEqual([path, option.long, expect.stringMatching(/\S/)]);
      }
    }
  });

  it('has examples that parse and that run this very command', async () => {
    for (const { path, command } of commands) {
      const lines = examplesOf(command).map(([line]) => line);
      expect([path, lines.length]).toEqual([path, expect.any(Number)]);
      expect(lines).not.toEqual([]);
      for (const line of lines) expect([line, await findParsedCommand(readProgram(), line)]).toEqual([line, path]);
    }
  });

  it('that is a group shows an example of each of its commands', () => {
    for (const group of groups(readProgram()))
      expect(examplesOf(group).length).toBeGreaterThanOrEqual(Math.min(2, group.commands.length));
  });
});

describe('errors of the command line', () => {
  it.each<[string[], RegExp]>([
    [['keys', 'retire', '--json'], /missing required argument 'id'/],
    [['nonsense', '--json'], /unknown command|unknown option/],
    [['clients', 'create', '--role', 'king', '--name', 'x', '--json'], /Allowed choices are service, admin, auditor/],
    [['migrate', '--json'], /DATABASE_URL is not set/],
    [['audit', 'export', '--from', 'yesterday', '--json', '--to', 'x'], /ROOT_KEY|--from/],
  ])('%j is one JSON line with a code and a remedy', async (args, detail) => {
    const { out, err } = await run(...args);
    expect(out).toBe('');
    const { error } = JSON.parse(err.split('\n').at(-1) ?? '') as { error: Record<string, string> };
    expect(error).toEqual({
      code: expect.any(String),
      detail: expect.stringMatching(detail),
      remedy: expect.any(String),
    });
  });

  it('are text otherwise, with a hint at --help', async () => {
    const { code, err } = await run('keys', 'retire');
    expect(code).toBe(2);
    expect(err).toMatch(/^error: missing required argument 'id'/);
    expect(err).toMatch(/--help/);
  });

  it('does not take what follows -- for the option', async () => {
    const { err } = await run('keys', 'retire', '--', '--json', 'more');
    expect(err).toMatch(/^error: too many arguments/);
  });
});
