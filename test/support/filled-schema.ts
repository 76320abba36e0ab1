/**
 * Rows for every table as of migration 1764000750000, with its names at the time: the database an upgrade starts from.
 * Each column has a value in at least one row. Later migrations need no change here.
 */
export const FILL_SCHEMA: readonly string[] = [
  `INSERT INTO encryption_key (id, purpose, state, wrapped, root_key_id, created_at, retired_at) VALUES
    ('kek_1', 'data', 'active', '\\x01', 'root', '2026-01-01', NULL),
    ('kek_2', 'data', 'retired', NULL, 'root', '2025-01-01', '2026-01-02'),
    ('kek_3', 'audit', 'active', '\\x03', 'root', '2026-01-01', NULL)`,
  `INSERT INTO sealed_secret (id, kek_id, wrapped_key, ciphertext, created_at) VALUES
    ('sec_1', 'kek_1', '\\x0a', '\\x0b', '2026-01-03 04:05:06.789'),
    ('sec_2', 'kek_1', '\\x0c', '\\x0d', '2026-01-04')`,
  `INSERT INTO key_rewrap (id, state, total, rewrapped, unopenable, requested_at, finished_at)
    VALUES (1, 'done', 12, 11, 1, '2026-01-05', '2026-01-06')`,
  `INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, rate_limit_per_second, created_at, deleted_at,
      allow, ip_allow_list, policy_version, last_used_at) VALUES
    ('cli_1', 'one', 'service', '{acme,"b c"}', '{pages}', '{gateway,token}', 900, 50, '2026-01-01', NULL,
      '{"*": ["GET /me"]}', '{10.0.0.0/8}', 3, '2026-01-07'),
    ('cli_2', 'two', 'admin', '{*}', '{*}', '{}', 60, NULL, '2026-01-01', '2026-01-08', NULL, NULL, 1, NULL)`,
  `INSERT INTO client_key (hash, client_id, created_at, expires_at, last_used_at) VALUES
    ('\\x11', 'cli_1', '2026-01-01', '2026-06-01', '2026-01-09'),
    ('\\x12', 'cli_2', '2026-01-01', NULL, NULL)`,
  `INSERT INTO client_identity (issuer, subject, audience, client_id) VALUES ('https://issuer.example', 'subject', 'metavault', 'cli_1')`,
  `INSERT INTO audit_entry (id, at, action, actor_kind, actor_id, tenant, product, connection_id, subject_id, request_id, details, mac) VALUES
    ('aud_01kdvq00000000000000000001', '2026-01-01', 'lease.issued', 'client', 'cli_1', 'acme', 'pages', 'con_1', 'lse_01kdvq00000000000000000001', 'req_1', '{"b": 1, "a":  2}', '\\x21'),
    ('aud_01kdvq00000000000000000002', '2026-01-02', 'client.created', 'system', NULL, NULL, NULL, NULL, 'cli_2', NULL, '{}', NULL)`,
  `INSERT INTO audit_link (position, entry_id, mac) VALUES (1, 'aud_01kdvq00000000000000000001', '\\x31'), (2, 'aud_01kdvq00000000000000000002', '\\x32')`,
  `INSERT INTO audit_head (id, entries, mac, seal, macs_from) VALUES (1, 9007199254740993, '\\x33', '\\x34', 'aud_01kdvq00000000000000000001')`,
  `INSERT INTO audit_checkpoint (id, position, mac, macs_from, seal) VALUES (1, 7, '\\x35', 'aud_01kdvq00000000000000000002', '\\x36')`,
  `INSERT INTO event (id, type, tenant, product, connection_id, data, created_at, dispatched_at) VALUES
    ('evt_1', 'connection.created', 'acme', 'pages', 'con_1', '{"n": 1.0}', '2026-01-01', '2026-01-02'),
    ('evt_2', 'meta.webhook', NULL, NULL, NULL, '{}', '2026-01-03', NULL)`,
  `INSERT INTO connection (id, tenant, product, flow, status, status_reason, app_id, meta_user_id, scopes, declined_scopes,
      data_access_expires_at, graph_api_version, provider_revocation, authorized_at, created_at, updated_at, revoked_at,
      expiry_notice_due_at, app_scoped_user_id) VALUES
    ('con_1', 'acme', 'pages', 'facebook_login', 'active', '{"code": "x"}', '100', '200', '{email,pages_show_list}', '{ads_read}',
      '2026-04-01', 'v26.0', NULL, '2026-01-01', '2026-01-01', '2026-01-02', NULL, '2026-03-18', '201'),
    ('con_2', 'acme', 'pages', 'import', 'revoked', NULL, '100', '200', '{}', '{}',
      NULL, 'v26.0', 'confirmed', '2026-01-01', '2026-01-01', '2026-01-02', '2026-01-02', NULL, NULL)`,
  `INSERT INTO credential (id, connection_id, app_id, kind, is_root, subject_id, subject_name, version, secret_id, token_hash, scopes,
      issued_at, expires_at, health, failure, failure_attempts, last_refreshed_at, last_checked_at, refresh_after, refresh_due_at,
      check_due_at, claim_id, claimed_until, created_at, updated_at, expiry_noticed_for, expiry_noticed_days) VALUES
    ('crd_1', 'con_1', '100', 'user', true, '200', 'A user', 4, 'sec_1', '\\x41', '{email}', '2026-01-01', '2026-03-01', 'expiring',
      '{"code": 2}', 2, '2026-01-02', '2026-01-03', '2026-02-20', '2026-02-21', '2026-01-04', 'clm_1', '2026-01-05', '2026-01-01',
      '2026-01-02', '2026-03-01', 7),
    ('crd_2', 'con_1', '100', 'page', false, '300', NULL, 1, NULL, NULL, '{}', NULL, NULL, 'invalid',
      NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-01', '2026-01-01', NULL, NULL)`,
  `INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, claim_id, created_at, scopes) VALUES
    ('crd_1', 3, 'previous', 'sec_2', '\\x42', NULL, NULL, '2026-01-01', NULL),
    ('crd_1', 5, 'pending', 'sec_2', '\\x43', '2026-04-01', 'clm_1', '2026-01-02', '{email}')`,
  `INSERT INTO asset (connection_id, type, id, name, credential_id, parent_id, details, doubted_at) VALUES
    ('con_1', 'page', '300', 'A page', 'crd_2', NULL, NULL, '2026-01-06'),
    ('con_1', 'ad_account', 'act_1', NULL, 'crd_1', '400', '{"currency": "EUR"}', NULL)`,
  `INSERT INTO provider_revocation (connection_id, credential_id, version, secret_id, attempts, next_attempt_at, claim_id, claimed_until,
      updated_at) VALUES ('con_1', 'crd_1', 4, 'sec_1', 2, '2026-01-07', 'clm_2', '2026-01-08', '2026-01-06')`,
  `INSERT INTO connect_session (id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at, connection_id,
      closed_at) VALUES
    ('cns_1', '\\x51', 'acme', 'pages', 'facebook_login', '{email}', 'https://a.example/done', 'cli_1', '2026-01-01', '2026-01-02', 'con_1',
      '2026-01-01')`,
  `INSERT INTO connect_attempt (state_hash, session_id, cookie_hash, created_at, expires_at, consumed_at, connection_id, error) VALUES
    ('\\x52', 'cns_1', '\\x53', '2026-01-01', '2026-01-02', '2026-01-01', 'con_1', NULL),
    ('\\x54', 'cns_1', '\\x55', '2026-01-01', '2026-01-02', '2026-01-01', NULL, 'access_denied')`,
  `INSERT INTO token_intake (id, tenant, product, flow, session_id, state_hash, requested_by, stage, secret_id, expires_at, hints, attempts,
      next_attempt_at, claim_id, claimed_until, created_at, updated_at) VALUES
    ('int_1', 'acme', 'pages', 'facebook_login', 'cns_1', '\\x52', 'cli_1', 'exchanged', 'sec_1', '2026-03-01', '{"page":"300"}', 2,
      '2026-01-03', 'clm_3', '2026-01-04', '2026-01-01', '2026-01-02'),
    ('int_2', 'acme', 'pages', 'import', NULL, NULL, NULL, 'long_lived', 'sec_2', NULL, '{}', 0, '2026-01-03', NULL, NULL, '2026-01-01', '2026-01-02')`,
  `INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product, asset_type, asset_id,
      issued_at, expires_at, ended_at) VALUES
    ('lse_01kdvq00000000000000000001', '\\x61', 'gateway', 'cli_1', 'con_1', 'crd_2', 1, 'acme', 'pages', 'page', '300', '2026-01-01', '2026-01-01 00:15', '2026-01-01 00:05'),
    ('lse_01kdvq00000000000000000002', NULL, 'token', 'cli_1', 'con_1', 'crd_1', 4, 'acme', 'pages', NULL, NULL, '2026-01-01', '2026-01-01 00:15', NULL)`,
  `INSERT INTO meta_app_pace (app_id, usage_percent, usage_at, stopped_until, stop_cause, throttles, breaker, breaker_until, openings,
      updated_at, stopped_since, app_stopped_until, next_turn_at) VALUES
    ('100', 87.5, '2026-01-01', '2026-01-02', 'throttled', 3, 'open', '2026-01-03', 2, '2026-01-01', '2026-01-01', '2026-01-04', '2026-01-05')`,
  `INSERT INTO subscription (id, url, events, tenants, products, status, status_reason, revision, resume_at, failing_since, failure_noticed_at,
      last_delivered_at, created_at, updated_at) VALUES
    ('sub_1', 'https://a.example/events', '{*}', '{acme}', '{pages}', 'paused', 'by_client', 4, '2026-01-02', '2026-01-03', '2026-01-04',
      '2026-01-05', '2026-01-01', '2026-01-06')`,
  `INSERT INTO subscription_secret (subscription_id, version, secret_id, created_at, expires_at) VALUES
    ('sub_1', 1, 'sec_1', '2026-01-01', '2026-01-02'), ('sub_1', 2, 'sec_2', '2026-01-01', NULL)`,
  `INSERT INTO delivery (id, subscription_id, event_id, event_position, lane, status, attempts, retry_until, last_attempt_at, last_status,
      last_error, next_attempt_at, delivered_at, created_at) VALUES
    ('dlv_1', 'sub_1', 'evt_1', 1, 'con_1', 'pending', 2, '2026-01-04', '2026-01-02', 503, 'status 503', '2026-01-03', NULL, '2026-01-01'),
    ('dlv_2', 'sub_1', 'evt_2', 2, 'evt_2', 'delivered', 1, '2026-01-04', '2026-01-02', 200, NULL, NULL, '2026-01-02', '2026-01-01')`,
  `INSERT INTO delivery_lane (subscription_id, lane, due_at, claim_id) VALUES ('sub_1', 'con_1', '2026-01-03', 'clm_4')`,
  `INSERT INTO webhook_entry (hash, object, meta_user_id, event_id, received_at) VALUES ('\\x71', 'user', '200', 'evt_2', '2026-01-01')`,
  `INSERT INTO person_request (id, kind, payload_hash, confirmation_code, app_ids, meta_user_id, issued_at, request_id, received_at,
      completed_at) VALUES
    ('prq_1', 'data_deletion', '\\x72', 'code', '{100,101}', '200', '2026-01-01', 'req_2', '2026-01-01', NULL),
    ('prq_2', 'deauthorize', '\\x73', NULL, '{100}', NULL, NULL, NULL, '2026-01-01', '2026-01-02')`,
];
