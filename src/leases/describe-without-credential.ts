import type { MissingTasks } from '../connections/assets/missing-tasks.query.ts';
import { AppError } from '../platform/problem.ts';
import { assetWithoutCredential } from './lease-problems.ts';

/** The refusal of a lease for an asset that Meta gives no token for, in words that name what is missing. */
export function describeWithoutCredential(
  { connectionId, type, id }: { connectionId: string; type: string; id: string },
  missing: MissingTasks | null,
): AppError {
  const then = `then POST /v1/connections/${connectionId}/check, or connect again.`;
  if (missing === null) {
    return new AppError(assetWithoutCredential, {
      detail: `Meta gives no token for the ${wordsOf(type)} ${id}: no Page is known that links it.`,
      remedy: `Link it to a Facebook Page on which the user who connected has a task, ${then}`,
    });
  }
  const { pageId, pageName, tasks } = missing;
  const page = pageName === null ? pageId : `${pageName} (${pageId})`;
  const held = tasks.length === 0 ? 'has no task on' : `has only the tasks ${tasks.join(', ')} on`;
  return new AppError(assetWithoutCredential, {
    detail: `Meta gives no token for the ${wordsOf(type)} ${id}: the user who connected ${held} the Page ${page}.`,
    remedy: `Have an admin of the Page ${page} give that user a task on it (Page settings, Page access), ${then}`,
  });
}

function wordsOf(type: string): string {
  return type === 'page' ? 'Page' : type.replaceAll('_', ' ');
}
