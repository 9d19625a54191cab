-- SPDX-License-Identifier: GPL-2.0-or-later
-- Records (JSON Lines of imapid) to Parquet, partitioned by site and day (UTC). Variables: records, a glob of the files; parquet, a
-- folder that is there. Of each of exchange, session, capture a folder is made in it; one that has files already is refused.
-- What a section of a chain met of another section's connections is left out, as the answers of imapid do: so all units of a plan
-- are given at once. Without --site a site is ''.

CREATE OR REPLACE MACRO pick(params, name) AS
  list_filter(params, lambda p: lower(p[1]) = name AND p[2] IS NOT NULL)[1][2];

-- The fields of RFC 2971, each a column of either side.
CREATE OR REPLACE MACRO fields(params) AS struct_pack(
  name := pick(params, 'name'), version := pick(params, 'version'), os := pick(params, 'os'), os_version := pick(params, 'os-version'),
  vendor := pick(params, 'vendor'), support_url := pick(params, 'support-url'), address := pick(params, 'address'),
  date := pick(params, 'date'), command := pick(params, 'command'), arguments := pick(params, 'arguments'),
  environment := pick(params, 'environment'));

CREATE OR REPLACE VIEW record AS SELECT * FROM read_json(getvariable('records'), format = 'newline_delimited',
  maximum_object_size = 67108864, columns = {
    type: 'VARCHAR', site: 'VARCHAR', file: 'VARCHAR', stream: 'UINTEGER', id: 'VARCHAR', session: 'VARCHAR',
    client: 'STRUCT(ip VARCHAR, port USMALLINT)', server: 'STRUCT(ip VARCHAR, port USMALLINT)',
    community_id: 'VARCHAR', filter: 'VARCHAR', doubts: 'JSON', first: 'VARCHAR', last: 'VARCHAR',
    tag: 'VARCHAR', time: 'VARCHAR',
    command: 'STRUCT(frame UBIGINT, file VARCHAR, params VARCHAR[][], params_hex VARCHAR[][], raw VARCHAR)',
    response: 'STRUCT(frame UBIGINT, file VARCHAR, params VARCHAR[][], params_hex VARCHAR[][], raw VARCHAR)',
    result: 'STRUCT(frame UBIGINT, file VARCHAR, status VARCHAR, text VARCHAR)',
    rtt: 'DOUBLE', security: 'VARCHAR', compressed: 'BOOLEAN', state: 'VARCHAR', complete: 'BOOLEAN',
    findings: 'STRUCT(code VARCHAR, severity VARCHAR, side VARCHAR, field VARCHAR, message VARCHAR)[]',
    id_advertised: 'BOOLEAN', exchanges: 'JSON', from_start: 'BOOLEAN', ended: 'VARCHAR', imap: 'BOOLEAN', healthy: 'BOOLEAN',
    outcome: 'STRUCT(stopped_at VARCHAR, "by" VARCHAR, status VARCHAR, text VARCHAR, frame UBIGINT, file VARCHAR, ended_by VARCHAR,
      ended_frame UBIGINT, ended_file VARCHAR)',
    lost_bytes: 'UBIGINT', decrypted: 'BOOLEAN', not_decrypted: 'VARCHAR',
    tls: 'STRUCT(version VARCHAR, suite VARCHAR, server_name VARCHAR, alpn VARCHAR)', auth: 'JSON',
    frames: 'UBIGINT[]', format: 'VARCHAR', packets: 'UBIGINT', bytes: 'UBIGINT', tcp_connections: 'UBIGINT',
    imap_sessions: 'UBIGINT', sessions_not_decrypted: 'UBIGINT', cut_packets: 'UBIGINT', error: 'VARCHAR'});

CREATE OR REPLACE TEMP TABLE continued AS
  SELECT DISTINCT coalesce(site || ':', '') || file || ':' || unnest(frames) AS id FROM record WHERE type = 'continued';

COPY (
  SELECT coalesce(site, '') AS site, CAST(left(time, 10) AS DATE) AS day, file, stream, session, community_id, filter,
         client.ip AS client_ip, client.port AS client_port, server.ip AS server_ip, server.port AS server_port, doubts, tag, time,
         coalesce(command.frame, response.frame, result.frame) AS frame, command.frame AS command_frame,
         command.file AS command_file, response.frame AS response_frame, response.file AS response_file, result.frame AS result_frame,
         result.file AS result_file, result.status AS status, result.text AS text, rtt, security,
         compressed, state, complete,
         COLUMNS(client_told.*) AS 'client_\0', COLUMNS(server_told.*) AS 'server_\0',
         command.params AS client_params, command.params_hex AS client_params_hex, command.raw AS client_raw,
         response.params AS server_params, response.params_hex AS server_params_hex, response.raw AS server_raw, findings
  FROM (SELECT *, fields(command.params) AS client_told, fields(response.params) AS server_told FROM record)
  WHERE type = 'exchange' AND (session IS NULL OR session NOT IN (SELECT id FROM continued))
) TO (getvariable('parquet') || '/exchange') (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (site, day));

COPY (
  SELECT coalesce(site, '') AS site, CAST(left(first, 10) AS DATE) AS day, file, stream, id AS session, community_id, filter,
         client.ip AS client_ip, client.port AS client_port, server.ip AS server_ip, server.port AS server_port, doubts, first, last,
         security, compressed, id_advertised, CAST(exchanges AS UBIGINT) AS exchanges, from_start, ended, imap, healthy,
         outcome.stopped_at AS stopped_at, outcome."by" AS stopped_by, outcome.status AS outcome, outcome.text AS outcome_text,
         outcome.frame AS outcome_frame, outcome.file AS outcome_file, outcome.ended_by AS ended_by, outcome.ended_frame AS ended_frame,
         outcome.ended_file AS ended_file, lost_bytes, decrypted, not_decrypted,
         tls.version AS tls_version, tls.suite AS tls_suite, tls.server_name AS tls_server_name, tls.alpn AS tls_alpn, auth, findings
  FROM record WHERE type = 'session' AND (id IS NULL OR id NOT IN (SELECT id FROM continued))
) TO (getvariable('parquet') || '/session') (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (site, day));

COPY (
  SELECT coalesce(site, '') AS site, CAST(left(first, 10) AS DATE) AS day, file, format, first, last, packets, bytes, tcp_connections,
         imap_sessions, CAST(exchanges AS UBIGINT) AS exchanges, sessions_not_decrypted, lost_bytes, cut_packets, error
  FROM record WHERE type = 'capture'
) TO (getvariable('parquet') || '/capture') (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (site, day));
