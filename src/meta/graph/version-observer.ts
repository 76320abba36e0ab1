import type { GraphHostName } from './graph-host.ts';

/** Which version of the API answered a call that asked for one. */
export interface ServedVersion {
  appId: string;
  host: GraphHostName;
  /** `v25.0` */
  asked: string;
  served: string;
}

/** Receives which version each response was served by, so that operators can be shown it. Must not throw or wait. */
export abstract class VersionObserver {
  abstract observe(version: ServedVersion): void;
}
