import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Checks existing entries in a separate transaction, so that nothing waits for a lock in the meantime. */
export class ValidActorKinds1764001201000 implements MigrationInterface {
  readonly name = 'ValidActorKinds1764001201000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_entry VALIDATE CONSTRAINT audit_entry_actor_kind_check');
  }

  /** A validated constraint works the same as one that is not. */
  async down(): Promise<void> {}
}
