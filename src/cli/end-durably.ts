import type { Database } from '../database/database.ts';
import type { CommandContext } from './command-context.ts';

/** Runs `work`, which ends something for good, and tells the operator if no standby of the database has it. */
export async function endDurably<T>(
  { standby }: Pick<Database, 'standby'>,
  { notify }: Pick<CommandContext, 'notify'>,
  work: () => Promise<T>,
): Promise<T> {
  const { result, confirmation } = await standby.confirm(work);
  if (confirmation.durability === 'primary' && confirmation.isStandbyExpected)
    notify({
      code: 'unconfirmed',
      detail: 'No standby of the database confirmed this within a second: a failover may undo it.',
      remedy: 'If the database fails over, run the command again.',
    });
  return result;
}
