/**
 * - `runtime`: Node, and the modules that every start needs first
 * - `settings`: reading them; outside of production, also starting the embedded Postgres, until its process runs
 * - `modules`: loading all others
 * - `development`: waiting for the embedded Postgres, starting the sandbox
 * - `replica`: connecting to the database, migrations, keys, building the application
 * - `listen`: warming up the connections of leases
 */
type StartPhase = 'runtime' | 'settings' | 'modules' | 'development' | 'replica' | 'listen';

/** Where a start spends its time. */
export class StartPhases {
  /** Milliseconds. */
  readonly durations: Partial<Record<StartPhase, number>> = {};
  #begunMs = 0;

  /** Ends the phase that began when the previous one ended, or with the process. */
  end(phase: StartPhase): void {
    const nowMs = performance.now();
    this.durations[phase] = Math.round(nowMs - this.#begunMs);
    this.#begunMs = nowMs;
  }
}
