/** What is open until it is closed. */
interface Closable {
  close(): unknown;
}

/** Takes note of what has to be closed again; gives it back. */
export type CloseLater = <T extends Closable>(opened: T) => T;

/**
 * Builds a context out of resources that have to be closed again. Its `close` closes all of them, the last one opened first, and
 * those that are kept later as well; one that does not close keeps no other from it, and is thrown at the end. Where a step of
 * `build` throws, what was opened before it is closed, and the error goes on.
 */
export async function openResources<T extends object>(
  build: (closeLater: CloseLater) => Promise<T>,
): Promise<T & { close(): Promise<void> }> {
  const opened: Closable[] = [];
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const each of opened.splice(0).reverse()) {
      try {
        await each.close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    const context = await build((each) => {
      opened.push(each);
      return each;
    });
    return { ...context, close };
  } catch (error) {
    // What stopped it says more than what did not close after it.
    await close().catch(() => undefined);
    throw error;
  }
}
