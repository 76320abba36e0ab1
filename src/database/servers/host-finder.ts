import type { DatabaseHost } from '../../config/database-url.ts';

/** Connections opened at the same time, as after a failover, share one search. */
const FOUND_TTL_MS = 1_000;

/** Resolves to whether the host is suitable; rejects if it can't be asked. */
type AskHost = (host: DatabaseHost) => Promise<boolean>;

/**
 * Finds the host to connect to among several: asks all at once and takes the first suitable one, so a host that hangs
 * or is gone causes no delay.
 */
export class HostFinder {
  #found: { host: Promise<DatabaseHost>; atMs: number } | null = null;

  constructor(
    private readonly hosts: readonly DatabaseHost[],
    private readonly ask: AskHost,
    private readonly unfit: () => Error,
  ) {}

  /** Throws the error of a host that could not be asked, or `unfit()` if one answered but is not suitable. */
  find(): Promise<DatabaseHost> {
    if (this.#found !== null && performance.now() - this.#found.atMs < FOUND_TTL_MS) return this.#found.host;
    const found = { host: this.#search(), atMs: performance.now() };
    found.host.then(
      () => {
        found.atMs = performance.now();
      },
      () => {
        if (this.#found === found) this.#found = null;
      },
    );
    this.#found = found;
    return found.host;
  }

  forget(): void {
    this.#found = null;
  }

  async #search(): Promise<DatabaseHost> {
    const asked = this.hosts.map(async (host) => {
      if (!(await this.ask(host))) throw this.unfit();
      return host;
    });
    try {
      return await Promise.any(asked);
    } catch (error) {
      const { errors } = error as AggregateError;
      const unfit = this.unfit();
      throw errors.find((each) => (each as Error).name === unfit.name) ?? errors[0];
    }
  }
}
