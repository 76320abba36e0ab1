import { type Clock, SystemClock } from '../../src/platform/clock.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { TEST_WHATSAPP_CONFIG_ID } from './test-config.ts';

/** A Meta of the test's own with a configuration of Embedded Signup, on this machine's time unless it has another. */
export async function startTestSandbox(clock: Clock = new SystemClock()): Promise<Sandbox> {
  const random = new SystemRandom();
  const sandbox = await startSandbox({ now: () => clock.now().getTime(), randomBytes: (size) => random.bytes(size) });
  sandbox.state.addConfiguration({
    id: TEST_WHATSAPP_CONFIG_ID,
    tokenType: 'system_user',
    scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
    expiresIn: null,
  });
  return sandbox;
}
