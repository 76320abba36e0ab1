import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Outgoing events: subscribers, pending deliveries, and their order. */
export class EventDeliveries1764000200000 implements MigrationInterface {
  name = 'EventDeliveries1764000200000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  // position orders a connection's events, because ids of one millisecond have no order. Writers lock the connection.
  `ALTER TABLE event ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY, ADD COLUMN dispatched_at timestamptz`,
  `CREATE INDEX event_undispatched ON event (position) WHERE dispatched_at IS NULL`,
  `CREATE TABLE subscription (
    id text COLLATE "C" PRIMARY KEY,
    url text NOT NULL,
    events text[] NOT NULL,
    tenants text[],
    products text[],
    status text NOT NULL CHECK (status IN ('active', 'paused', 'ended', 'deleted')),
    status_reason text,
    -- Counts changes of url and secrets, so that replicas notice outdated copies in memory.
    revision integer NOT NULL DEFAULT 1,
    -- Nothing is sent before this time: the subscriber's Retry-After.
    resume_at timestamptz,
    -- The first failure since the last success.
    failing_since timestamptz,
    failure_noticed_at timestamptz,
    last_delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
  )`,
  `CREATE TABLE subscription_secret (
    subscription_id text COLLATE "C" NOT NULL REFERENCES subscription (id),
    version integer NOT NULL,
    secret_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (subscription_id, version)
  )`,
  // No foreign keys below: subscriptions are marked as deleted but kept, and these rows come in thousands.
  `CREATE TABLE delivery (
    id text COLLATE "C" PRIMARY KEY,
    subscription_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_position bigint NOT NULL,
    -- Deliveries of a lane are sent in order. A lane is a connection's id, or the event's if it has no connection.
    lane text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    retry_until timestamptz NOT NULL,
    last_attempt_at timestamptz,
    last_status smallint,
    last_error text,
    next_attempt_at timestamptz,
    delivered_at timestamptz,
    created_at timestamptz NOT NULL
  )`,
  // No event is dispatched twice.
  `CREATE UNIQUE INDEX delivery_event ON delivery (event_id, subscription_id)`,
  `CREATE INDEX delivery_lane_order ON delivery (subscription_id, lane, event_position) WHERE status = 'pending'`,
  `CREATE INDEX delivery_subscription ON delivery (subscription_id, id)`,
  `CREATE INDEX delivery_dead ON delivery (subscription_id, id) WHERE status = 'dead'`,
  // A lane with pending deliveries. A claim or back-off moves due_at into the future.
  `CREATE TABLE delivery_lane (
    subscription_id text COLLATE "C" NOT NULL,
    lane text COLLATE "C" NOT NULL,
    due_at timestamptz NOT NULL,
    claim_id text,
    PRIMARY KEY (subscription_id, lane)
  ) WITH (fillfactor = 70)`,
  `CREATE INDEX delivery_lane_due ON delivery_lane (subscription_id, due_at)`,
];

const DOWN = [
  'DROP TABLE delivery_lane, delivery, subscription_secret, subscription',
  'ALTER TABLE event DROP COLUMN position, DROP COLUMN dispatched_at',
];
