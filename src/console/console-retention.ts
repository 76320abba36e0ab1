import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { RetentionService } from '../database/retention.service.ts';
import { SignInLinkRepository } from './links/sign-in-link.repository.ts';
import { ConsoleSessionRepository } from './sessions/console-session.repository.ts';

/** Deletes sessions and links after RETENTION_DAYS. Until then, reuse is recognized as such. */
@Injectable()
export class ConsoleRetention implements OnModuleInit {
  constructor(
    private readonly retention: RetentionService,
    private readonly sessions: ConsoleSessionRepository,
    private readonly links: SignInLinkRepository,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.retention.register('console sessions', (before, limit) =>
      this.sessions.deleteExpired(this.database, before, limit),
    );
    this.retention.register('sign-in links', (before, limit) => this.links.deleteExpired(this.database, before, limit));
  }
}
