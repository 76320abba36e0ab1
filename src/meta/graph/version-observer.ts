import type { GraphHostName } from './graph-host.ts';

/** The requested API version and the one that answered. */
export interface ServedVersion {
  appId: string;
  host: GraphHostName;
  /** `v25.0` */
  asked: string;
  served: string;
}

/** Receives the version that served each response, for operators. Called on the hot path: must not throw or block. */
export abstract class VersionObserver {
  abstract observe(version: ServedVersion): void;
}
