import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/load-config.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, unknown>;
  volumes?: string[];
  healthcheck?: object;
  read_only?: boolean;
  cap_drop?: string[];
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const replicas = Object.entries(compose.services).filter(([name]) => name.startsWith('replica-'));

describe('docker-compose.yml', () => {
  it('names only services and volumes that it has', () => {
    const { services, volumes } = compose;
    const needed = Object.values(services).flatMap(({ depends_on: others = {} }) => Object.keys(others));
    expect(needed.filter((name) => services[name]?.healthcheck === undefined)).toEqual([]);
    const mounted = Object.values(services).flatMap(({ volumes: own = [] }) =>
      own.map((each) => each.split(':')[0] ?? ''),
    );
    expect(mounted.filter((name) => !(name in volumes))).toEqual([]);
  });

  it('gives replicas an environment that the service starts with, and no rights', () => {
    expect(replicas.length).toBe(2);
    for (const [, replica] of replicas) {
      const environment = Object.fromEntries(
        Object.entries(replica.environment ?? {}).map(([name, value]) => [name, interpolate(value)]),
      );
      expect(loadConfig(environment)).toMatchObject({ environment: 'development', port: 3000, warnings: [] });
      expect(replica).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    }
  });

  it('sets only what the service reads', () => {
    const settings = new Set([...read('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name));
    const set = replicas.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(set.filter((name) => !settings.has(name))).toEqual([]);
  });

  it('runs the image of the Dockerfile, with programs that are in it', () => {
    const ours = Object.values(compose.services).filter(({ image }) => image === 'metavault:local');
    expect(ours.length).toBe(replicas.length + 1);
    for (const { command = [] } of ours)
      expect(command.slice(0, 2)).toEqual(command.length === 0 ? [] : ['node', 'dist/src/cli.js']);
  });
});

/** What Compose makes of `${NAME:-default}` and `${NAME:?message}`, with the secrets from .env. */
function interpolate(value: string): string {
  const secrets: Record<string, string> = {
    ROOT_KEY: Buffer.alloc(32, 7).toString('base64'),
    BOOTSTRAP_ADMIN_KEY: 'a'.repeat(32),
  };
  return value.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, operator?: string, rest = '') =>
    operator === '-' ? rest : (secrets[name] ?? ''),
  );
}
