/** Status of a data deletion. */
export interface DeletionStatusResponse {
  confirmation_code: string;
  status: 'in_progress' | 'completed';
  requested_at: string;
  completed_at: string | null;
}
