/** What is open until it is closed. */
interface Closable {
  close(): unknown;
}

/** Takes note of what has to be closed again; gives it back. */
export type CloseLater = <T extends Closable>(opened: T) => T;

/**
 * Builds a context from resources that need closing. `close` closes all of them, those added later included, last
 * opened first, and throws the first failure at the end. If `build` throws, what it opened is closed and the error
 * rethrown.
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
