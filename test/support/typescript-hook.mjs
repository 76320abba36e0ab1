/** `node --import` of this file runs the sources as they are: Jest's workers and child processes need no build. */
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transpile } from './transpile.cjs';

if (isMainThread) register(import.meta.url);

const JEST_GLOBALS = new URL('jest/jest-globals.mjs', import.meta.url).href;

export function resolve(specifier, context, nextResolve) {
  return specifier === '@jest/globals' ? { url: JEST_GLOBALS, shortCircuit: true } : nextResolve(specifier, context);
}

export function load(url, context, nextLoad) {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !pathname.endsWith('.ts')) return nextLoad(url, context);
  return { format: 'module', source: transpile(fileURLToPath(url)).code, shortCircuit: true };
}
