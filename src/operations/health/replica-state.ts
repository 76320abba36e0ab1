/** Whether this process is on its way out; readiness says so, so that no new work is sent here. */
export class ReplicaState {
  isDraining = false;
}
