export interface SweepResponse {
  claimed: number;
  failed: number;
  skipped: number;
  duration_seconds: number;
}

export interface RefreshSweepResponse extends SweepResponse {
  refreshed: number;
}

export interface HealthSweepResponse extends SweepResponse {
  checked: number;
}
