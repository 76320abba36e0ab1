-- Two database users instead of one, so that whoever gets hold of the service's user cannot change the audit record:
--   metavault_owner    owns the tables, runs `metavault migrate` and `metavault audit prune`
--   metavault_service  is what replicas run as: may add to the record, but neither change nor delete
--
-- Run it in the service's database as a superuser, or as a role with CREATEROLE that owns the tables. Three steps;
-- repeat the last one after each upgrade with migrations. It can be repeated at any time.
--   psql "$ADMIN_URL" -v ON_ERROR_STOP=1 -f migrations/roles.sql    then set both passwords: \password metavault_owner
--   DATABASE_URL=postgres://metavault_owner:…  metavault migrate
--   psql "$ADMIN_URL" -v ON_ERROR_STOP=1 -f migrations/roles.sql
-- This is optional: with one user that owns its tables, everything but this protection works.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'metavault_owner') THEN
    CREATE ROLE metavault_owner LOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'metavault_service') THEN
    CREATE ROLE metavault_service LOGIN;
  END IF;
  -- To hand tables over to a role, one has to be a member of it.
  IF NOT pg_has_role(current_user, 'metavault_owner', 'MEMBER') THEN
    EXECUTE format('GRANT metavault_owner TO %I', current_user);
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO metavault_owner, metavault_service', current_database());
END
$$;

GRANT USAGE, CREATE ON SCHEMA public TO metavault_owner;
GRANT USAGE ON SCHEMA public TO metavault_service;
REVOKE CREATE ON SCHEMA public FROM PUBLIC, metavault_service;

DO $$
BEGIN
  -- Replicas wait until a standby has what a failover must not undo; others do not see how far standbys are.
  GRANT pg_read_all_stats TO metavault_service;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'Grant pg_read_all_stats to metavault_service as a superuser: replicas cannot see how far standbys are.';
END
$$;

DO $$
DECLARE
  relation record;
BEGIN
  -- Tables of an installation that ran as one user so far.
  FOR relation IN
    SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relowner <> 'metavault_owner'::regrole
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO metavault_owner', relation.name);
  END LOOP;

  -- The functions that make and drop partitions work with the rights of their owner.
  FOR relation IN
    SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      AND p.proname IN ('ulid_time', 'make_partition', 'drop_partition', 'drop_lease_partition')
      AND p.proowner <> 'metavault_owner'::regrole
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO metavault_owner', relation.name);
  END LOOP;

  IF to_regclass('public.audit_checkpoint') IS NULL THEN
    RAISE NOTICE 'The tables are not there yet: run metavault migrate as metavault_owner, then this script again.';
    RETURN;
  END IF;

  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO metavault_service;
  GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO metavault_service;
  -- What later migrations add.
  ALTER DEFAULT PRIVILEGES FOR ROLE metavault_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO metavault_service;
  ALTER DEFAULT PRIVILEGES FOR ROLE metavault_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO metavault_service;

  REVOKE UPDATE, DELETE, TRUNCATE ON audit_entry, audit_link FROM metavault_service;
  -- The head moves on with each link; it is sealed, so what it moves to can be proven.
  REVOKE DELETE, TRUNCATE ON audit_head FROM metavault_service;
  REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_checkpoint, schema_migration FROM metavault_service;
  IF to_regclass('public.schema_contract') IS NOT NULL THEN
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON schema_contract FROM metavault_service;
  END IF;
  -- Rights on a partition would go around those on its table.
  FOR relation IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relispartition
    AND relkind = 'r'
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM metavault_service', relation.name);
  END LOOP;
  IF to_regproc('public.make_partition') IS NOT NULL THEN
    GRANT EXECUTE ON FUNCTION make_partition, drop_lease_partition TO metavault_service;
  END IF;
END
$$;
