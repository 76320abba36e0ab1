import { type Clock, SystemClock } from '../../src/platform/clock.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

/** A Meta of the test's own, on this machine's time unless it has another. */
export function startTestSandbox(clock: Clock = new SystemClock()): Promise<Sandbox> {
  const random = new SystemRandom();
  return startSandbox({ now: () => clock.now().getTime(), randomBytes: (size) => random.bytes(size) });
}
