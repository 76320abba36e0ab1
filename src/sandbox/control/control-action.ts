import type { SandboxState } from '../state/sandbox-state.ts';

export type Body = Record<string, unknown>;

/** One call of the control API. */
export interface ControlAction {
  method: 'GET' | 'POST';
  path: string;
  about: string;
  run: (state: SandboxState, body: Body) => unknown;
}

export const text = (body: Body, name: string): string => {
  const value = body[name];
  if (typeof value !== 'string' || value === '') throw new Error(`${name} must be a string`);
  return value;
};

export const number = (body: Body, name: string): number => {
  const value = body[name];
  if (typeof value !== 'number') throw new Error(`${name} must be a number`);
  return value;
};

export const optional = (body: Body, name: string): string | undefined =>
  body[name] === undefined ? undefined : text(body, name);

export const rest = (body: Body, ...names: string[]): Body =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));

export const post = (path: string, about: string, run: ControlAction['run']): ControlAction => ({
  method: 'POST',
  path,
  about,
  run,
});
export const get = (path: string, about: string, run: ControlAction['run']): ControlAction => ({
  method: 'GET',
  path,
  about,
  run,
});
