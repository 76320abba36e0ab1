/** Whether this process is shutting down. Readiness reports it, to keep new work away. */
export class ReplicaState {
  isDraining = false;
}
