import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { freePort } from './http-listener.ts';
import { serviceProgram } from './service-program.ts';
import { until } from './until.ts';

/** A service as production runs it: a process of its own, stopped by SIGTERM. */
export interface ServiceProcess {
  url: string;
  port: number;
  child: ChildProcess;
  /** Both streams. */
  output(): string;
  /** Sends the signal once, and waits for the end. Returns the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts `main.ts` and waits until it is ready. Throws its output if it ends before. */
export async function startServiceProcess(environment: Record<string, string>, port?: number): Promise<ServiceProcess> {
  const ownPort = port ?? (await freePort());
  const child = spawn(process.execPath, serviceProgram('main'), {
    env: { PATH: process.env['PATH'], ...environment, PORT: String(ownPort) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const url = `http://127.0.0.1:${ownPort}`;
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`the service did not start: ${output}`);
      return (await statusOf(`${url}/health/ready`)) === 200;
    },
    Boolean,
    120_000,
  );
  return {
    url,
    port: ownPort,
    child,
    output: () => output,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      return (await ended)[0] as number | null;
    },
  };
}

/** Its status; null if there is no answer. */
export function statusOf(url: string): Promise<number | null> {
  return fetch(url).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status;
    },
    () => null,
  );
}

/** A request that is sent repeatedly. */
export interface LoadRequest {
  path: string;
  method: 'GET' | 'POST';
  key: string;
  body?: object;
  status: number;
}

export interface Load {
  /** How many were answered so far. */
  sent(): number;
  /** What went wrong, in a few words each. */
  failures: string[];
  stop(): Promise<void>;
}

/** Sends the requests in turn from several workers, on kept-alive connections, with a pause after each. */
export function startLoad(url: string, requests: readonly LoadRequest[], { workers = 4, pauseMs = 0 } = {}): Load {
  const agent = new Agent({ connections: workers, pipelining: 1 });
  const failures: string[] = [];
  let sent = 0;
  let isStopped = false;
  const work = async (worker: number): Promise<void> => {
    for (let turn = worker; !isStopped; turn++) {
      const next = requests[turn % requests.length];
      if (next === undefined) return;
      const failure = await send(agent, url, next);
      sent += 1;
      if (failure !== null) failures.push(failure);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  const working = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return {
    sent: () => sent,
    failures,
    stop: async () => {
      isStopped = true;
      await working;
      await agent.close();
    },
  };
}

async function send(agent: Agent, url: string, { path: route, method, key, body, status }: LoadRequest) {
  try {
    const response = await agent.request({
      origin: url,
      path: route,
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.body.text();
    return response.statusCode === status ? null : `${method} ${route}: ${response.statusCode} ${text.slice(0, 200)}`;
  } catch (error) {
    return `${method} ${route}: ${String(error)}`;
  }
}
