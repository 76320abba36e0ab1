import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { checkRecordedAnswers } from './answers/check-answers.ts';
import { serviceProgram } from './service-program.ts';
import { TEST_ENVIRONMENT } from './test-replica.ts';

/** A replica that can be killed like a real one. */
export interface ChildReplica {
  url: string;
  /** SIGKILL: the replica cannot shut down cleanly. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: like a machine that sleeps and wakes up. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

/** Starts a replica in its own process and waits until it listens. Throws its output if it does not. */
export async function startChildReplica(environment: Record<string, string>): Promise<ChildReplica> {
  const child = spawn(process.execPath, serviceProgram('replica-process'), {
    env: {
      PATH: process.env['PATH'],
      ANSWERS_FILE: checkRecordedAnswers(),
      ...TEST_ENVIRONMENT,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const closed = once(child, 'close');
  const url = await firstLine(child);
  if (url === null) {
    // By then all output has been read.
    await closed;
    throw new Error(`the replica did not start: ${output}`);
  }
  return {
    url,
    signal: (name) => {
      child.kill(name);
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Its address, or null if it ended without one. */
async function firstLine(child: ChildProcess): Promise<string | null> {
  if (child.stdout === null) return null;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('http')) return line;
  }
  return null;
}
