import type { PostRecord } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';

/** Whether an Instagram or Threads container can be published. */
export function isFinished(post: PostRecord): boolean {
  return post.awaitsUpload !== true && (post.pendingChecks ?? 0) === 0;
}

/** Advances a container's processing; called at each read. */
export function advanceContainer(state: SandboxState, post: PostRecord): void {
  if (post.awaitsUpload === true && isUploaded(state, post.id)) {
    post.awaitsUpload = false;
    post.pendingChecks = 1;
  } else if ((post.pendingChecks ?? 0) > 0) post.pendingChecks = (post.pendingChecks ?? 0) - 1;
}

/** Whether rupload has received all bytes of a container. */
function isUploaded(state: SandboxState, containerId: string): boolean {
  return [...state.store.uploads.values()].some(
    ({ id, offset, size }) => id.startsWith('rupload:') && id.endsWith(`/${containerId}`) && offset >= size,
  );
}
