import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './http-listener.ts';
import { until } from './until.ts';

/** Whether HAProxy is installed. */
export const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

const CHECK_INTERVAL_MS = 200;

export interface Haproxy {
  url: string;
  close(): Promise<void>;
}

/** Starts HAProxy in front of these ports. It checks each for readiness and never retries a request. */
export async function startHaproxy(ports: readonly number[]): Promise<Haproxy> {
  const folder = mkdtempSync(path.join(tmpdir(), 'metavault-haproxy-'));
  const port = await freePort();
  const file = path.join(folder, 'haproxy.cfg');
  writeFileSync(file, configure(port, ports));
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await until(() => answers(url, child));
  return {
    url,
    close: async () => {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGKILL')) await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configure(port: number, ports: readonly number[]): string {
  return [
    'defaults',
    '  mode http',
    '  retries 0',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout check 5s',
    'frontend public',
    `  bind 127.0.0.1:${port}`,
    '  default_backend replicas',
    'backend replicas',
    '  balance roundrobin',
    '  option httpchk GET /health/ready',
    `  default-server check inter ${CHECK_INTERVAL_MS}ms fall 2 rise 2`,
    ...ports.map((each, index) => `  server replica${index} 127.0.0.1:${each}`),
    '',
  ].join('\n');
}

async function answers(url: string, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}`);
  return fetch(`${url}/health/live`).then(
    ({ status }) => status === 200,
    () => false,
  );
}
