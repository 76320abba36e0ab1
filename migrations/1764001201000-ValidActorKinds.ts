import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Reads the entries of before in a transaction of its own, so that nobody waits for a lock meanwhile. */
export class ValidActorKinds1764001201000 implements MigrationInterface {
  readonly name = 'ValidActorKinds1764001201000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_entry VALIDATE CONSTRAINT audit_entry_actor_kind_check');
  }

  /** A valid check is no other than one that is not. */
  async down(): Promise<void> {}
}
