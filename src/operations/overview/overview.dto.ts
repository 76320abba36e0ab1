import { ApiProperty } from '@nestjs/swagger';
import { PRODUCTS, type Product } from '../../config/products.ts';
import { HEALTHS, type Health } from '../../connections/credentials/credential-kind.ts';
import { CONNECTION_STATUSES, type ConnectionStatus } from '../../connections/status/connection-status.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';

const COUNT = { type: 'integer', minimum: 0, example: 12 } as const;
const DAY = { type: String, format: 'date', description: 'A day in UTC', example: '2026-12-24' } as const;

class ConnectionGroupResponse {
  @ApiProperty({ enum: PRODUCTS })
  product!: Product;

  @ApiProperty({ enum: CONNECTION_STATUSES })
  status!: ConnectionStatus;

  @ApiProperty({
    type: 'string',
    enum: HEALTHS,
    nullable: true,
    description: 'Of its root token; null: it no longer has one',
  })
  health!: Health | null;

  @ApiProperty(COUNT)
  count!: number;
}

class ConnectionsOverview {
  @ApiProperty({ ...COUNT, description: 'Connections that are not revoked' })
  total!: number;

  @ApiProperty({ type: [ConnectionGroupResponse], description: 'All, the revoked ones too' })
  by!: ConnectionGroupResponse[];

  @ApiProperty({ ...INSTANT, description: 'When connections, `expiries`, and `needs_person` were counted' })
  counted_at!: string;
}

class ExpiriesOfDay {
  @ApiProperty(DAY)
  date!: string;

  @ApiProperty(COUNT)
  count!: number;
}

class ActivityOfDay {
  @ApiProperty(DAY)
  date!: string;

  @ApiProperty(COUNT)
  succeeded!: number;

  @ApiProperty(COUNT)
  failed!: number;
}

class NeedingPerson {
  @ApiProperty({
    enum: CONNECTION_STATUSES,
    description: '`reauth_required`: it is of no use until its user logs in; `active`: something is missing',
    example: 'reauth_required',
  })
  status!: ConnectionStatus;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Code of the `status_reason`; explained at `/problems/{code}`',
    example: 'expired',
  })
  reason!: string | null;

  @ApiProperty(COUNT)
  count!: number;
}

class AppOverview {
  @ApiProperty({ description: "Meta's id of the app", example: '1029384756102938' })
  app_id!: string;

  @ApiProperty({ type: String, nullable: true, description: "Null: the environment's app, or one that is gone" })
  name!: string | null;

  @ApiProperty({ description: 'The highest of its usage gauges at Meta, in percent', example: 42 })
  usage_percent!: number;

  @ApiProperty({ ...INSTANT_OR_NULL, description: 'When Meta said so; null: never' })
  usage_at!: string | null;

  @ApiProperty({ ...INSTANT_OR_NULL, description: 'Background work waits until then for its limit; null: it does not' })
  stopped_until!: string | null;

  @ApiProperty({ type: 'string', enum: ['throttled', 'usage'], nullable: true, description: 'Why it waits' })
  stop_cause!: 'throttled' | 'usage' | null;

  @ApiProperty({ description: 'Meta is unavailable for this app, and background work waits' })
  is_unavailable!: boolean;
}

class SubscriptionsOverview {
  @ApiProperty(COUNT)
  active!: number;

  @ApiProperty(COUNT)
  paused!: number;

  @ApiProperty({ ...COUNT, description: 'Ended by their receivers' })
  ended!: number;

  @ApiProperty({ ...COUNT, description: 'Active ones whose last delivery failed' })
  failing!: number;

  @ApiProperty({ ...COUNT, description: 'Pending deliveries, up to 100,000' })
  undelivered!: number;

  @ApiProperty({ ...COUNT, description: 'Deliveries that were given up, up to 100,000' })
  dead!: number;
}

class AuditOverview {
  @ApiProperty({ ...COUNT, description: 'Entries in the chain' })
  entries!: number;

  @ApiProperty({ ...COUNT, description: 'Recent entries that are not in the chain yet' })
  unlinked!: number;

  @ApiProperty({ ...INSTANT_OR_NULL, description: 'Since when none is linked; null: linking works' })
  held_up_since!: string | null;
}

class KeysOverview {
  @ApiProperty({ type: String, nullable: true, description: 'The active key', example: exampleId('kek') })
  active_id!: string | null;

  @ApiProperty(INSTANT_OR_NULL)
  active_since!: string | null;

  @ApiProperty({ ...COUNT, description: 'Older keys that still wrap data keys' })
  older_in_use!: number;

  @ApiProperty({ ...INSTANT_OR_NULL, description: 'When the oldest key in use was created' })
  oldest_in_use_since!: string | null;
}

/** Response of `GET /v1/overview`. */
export class OverviewResponse {
  @ApiProperty({ type: ConnectionsOverview })
  connections!: ConnectionsOverview;

  @ApiProperty({
    type: [ExpiriesOfDay],
    description: 'Root tokens that expire in the next 60 days; only days with any',
  })
  expiries!: ExpiriesOfDay[];

  @ApiProperty({ type: [ActivityOfDay], description: 'Refreshes and rotations of the last 7 days, oldest first' })
  renewals!: ActivityOfDay[];

  @ApiProperty({
    type: [ActivityOfDay],
    description: 'Inspections of the last 7 days, oldest first. One that finds a dead token has succeeded.',
  })
  inspections!: ActivityOfDay[];

  @ApiProperty({
    type: [NeedingPerson],
    description: 'Connections that need a person, by reason, most frequent first',
  })
  needs_person!: NeedingPerson[];

  @ApiProperty({
    type: [AppOverview],
    nullable: true,
    description: 'The apps that use most of their limits, up to 50; null for clients with a limited policy',
  })
  apps!: AppOverview[] | null;

  @ApiProperty({ type: SubscriptionsOverview, nullable: true, description: 'Null for clients with a limited policy' })
  subscriptions!: SubscriptionsOverview | null;

  @ApiProperty({ type: AuditOverview, nullable: true, description: 'Null for clients with a limited policy' })
  audit!: AuditOverview | null;

  @ApiProperty({ type: KeysOverview, nullable: true, description: 'Null for clients with a limited policy' })
  keys!: KeysOverview | null;

  @ApiProperty(INSTANT)
  generated_at!: string;
}
