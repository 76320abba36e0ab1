/** What is open until it is closed. */
interface Closable {
  close(): unknown;
}

/** Registers a resource to be closed later, and returns it. */
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
    // The failure of `build` says more than a failure to close.
    await close().catch(() => undefined);
    throw error;
  }
}
