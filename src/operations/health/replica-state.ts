/** Whether this process is shutting down; readiness reports it, so that no new work is sent here. */
export class ReplicaState {
  isDraining = false;
}
