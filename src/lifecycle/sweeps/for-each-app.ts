/** Apps worked on at once. An app that is at its limit or refused by Meta finishes immediately. */
const MAX_CONCURRENT_APPS = 64;

/**
 * Works on many apps at once, so that none waits for another's pace. Rejects with the first error, after all have
 * ended.
 */
export async function forEachApp(appIds: readonly string[], work: (appId: string) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  const queue = appIds.values();
  const worker = async (): Promise<void> => {
    for (const appId of queue) await work(appId).catch((error: unknown) => void errors.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(MAX_CONCURRENT_APPS, appIds.length) }, worker));
  if (errors.length > 0) throw errors[0];
}
