import type { MissingTasks } from '../connections/assets/missing-tasks.query.ts';
import { AppError } from '../platform/problem.ts';
import { assetWithoutCredential } from './lease-problems.ts';

/**
 * Returns the refusal of a lease for an asset without a token, naming what is missing
 * (docs/meta-facts.md#pages-without-a-token).
 */
export function describeWithoutCredential(
  { connectionId, type, id }: { connectionId: string; type: string; id: string },
  missing: MissingTasks | null,
): AppError {
  const then = `then POST /v1/connections/${connectionId}/check, or connect again.`;
  if (missing === null) {
    return new AppError(assetWithoutCredential, {
      detail: `Meta gives no token for the ${wordsOf(type)} ${id}: no Page linked to it is known.`,
      remedy: `Link it to a Facebook Page on which the connecting user has a task, ${then}`,
    });
  }
  const { pageId, pageName, tasks } = missing;
  const page = pageName === null ? pageId : `${pageName} (${pageId})`;
  const held = tasks.length === 0 ? 'has no task on' : `has only the tasks ${tasks.join(', ')} on`;
  return new AppError(assetWithoutCredential, {
    detail: `Meta gives no token for the ${wordsOf(type)} ${id}: the connecting user ${held} the Page ${page}.`,
    remedy: `Have an admin of ${page} give that user a task on it (Page settings, Page access), ${then}`,
  });
}

function wordsOf(type: string): string {
  return type === 'page' ? 'Page' : type.replaceAll('_', ' ');
}
