/** Where this process is in its life; readiness follows it. */
export class ReplicaState {
  current: 'starting' | 'serving' | 'draining' = 'starting';
}
