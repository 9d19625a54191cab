-- SPDX-License-Identifier: GPL-2.0-or-later
-- The tables of `imapid extract -T sqlite`. @CLIENT_COLUMNS@ and @SERVER_COLUMNS@ are an expansion
-- of fields.def. Times are text (RFC 3339, UTC, nine decimals): they sort as they are. Without
-- --site a site is ''.

CREATE TABLE IF NOT EXISTS capture (
  site TEXT NOT NULL,
  file TEXT NOT NULL,
  format TEXT,
  first TEXT,
  last TEXT,
  packets INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  tcp_connections INTEGER NOT NULL,
  imap_sessions INTEGER NOT NULL,
  exchanges INTEGER NOT NULL,
  sessions_not_decrypted INTEGER NOT NULL,
  lost_bytes INTEGER NOT NULL,
  cut_packets INTEGER NOT NULL,
  unknown_link_packets INTEGER NOT NULL,
  unread TEXT NOT NULL,
  error TEXT,
  PRIMARY KEY (site, file)
) WITHOUT ROWID;

-- The *_file columns are NULL where the frame is in `file`.
CREATE TABLE IF NOT EXISTS session (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  file TEXT NOT NULL,
  stream INTEGER NOT NULL,
  client_ip TEXT NOT NULL,
  client_port INTEGER NOT NULL,
  server_ip TEXT NOT NULL,
  server_port INTEGER NOT NULL,
  proxied_client_ip TEXT,
  proxied_client_port INTEGER,
  session TEXT,
  community_id TEXT,
  filter TEXT,
  path TEXT,
  doubts TEXT NOT NULL,
  first TEXT,
  last TEXT,
  security TEXT NOT NULL,
  compressed INTEGER NOT NULL,
  id_advertised INTEGER,
  exchanges INTEGER NOT NULL,
  from_start INTEGER NOT NULL,
  ended TEXT,
  imap INTEGER NOT NULL,
  healthy INTEGER,
  stopped_at TEXT,
  stopped_by TEXT,
  outcome TEXT,
  outcome_text TEXT,
  outcome_frame INTEGER,
  outcome_file TEXT,
  ended_by TEXT,
  ended_frame INTEGER,
  ended_file TEXT,
  lost_bytes INTEGER NOT NULL,
  resyncs INTEGER NOT NULL,
  decrypted INTEGER,
  not_decrypted TEXT,
  tls_version TEXT,
  tls_suite TEXT,
  tls_server_name TEXT,
  tls_alpn TEXT,
  auth TEXT,
  findings TEXT NOT NULL
);

-- The connection's key, or, in records of before there was one, its number.
CREATE UNIQUE INDEX IF NOT EXISTS session_key ON session (
  ifnull(session, site || ':' || file || '/' || stream),
  client_ip, client_port, server_ip, server_port);

-- Lists, each of them once: most clients of one program send the same one. The number is a part of
-- the SHA-256 of what the list says, so that it does not depend on which came first.
CREATE TABLE IF NOT EXISTS list (
  id INTEGER PRIMARY KEY,
  says TEXT NOT NULL
);

-- The pairs of lists, in order. Where octets are not UTF-8, field and value have U+FFFD, the *_hex
-- columns every octet.
CREATE TABLE IF NOT EXISTS list_pair (
  list INTEGER NOT NULL REFERENCES list (id),
  n INTEGER NOT NULL,
  field TEXT,
  value TEXT,
  field_hex TEXT,
  value_hex TEXT,
  PRIMARY KEY (list, n)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS exchange (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  file TEXT NOT NULL,
  stream INTEGER NOT NULL,
  client_ip TEXT NOT NULL,
  client_port INTEGER NOT NULL,
  server_ip TEXT NOT NULL,
  server_port INTEGER NOT NULL,
  proxied_client_ip TEXT,
  proxied_client_port INTEGER,
  session TEXT,
  community_id TEXT,
  filter TEXT,
  path TEXT,
  doubts TEXT NOT NULL,
  tag TEXT,
  time TEXT,
  frame INTEGER NOT NULL,
  command_frame INTEGER,
  command_file TEXT,
  response_frame INTEGER,
  response_file TEXT,
  result_frame INTEGER,
  result_file TEXT,
  status TEXT,
  text TEXT,
  rtt REAL,
  security TEXT NOT NULL,
  compressed INTEGER NOT NULL,
  state TEXT NOT NULL,
  complete INTEGER NOT NULL,
  client_list INTEGER REFERENCES list (id),
  server_list INTEGER REFERENCES list (id),
  client_raw TEXT,
  server_raw TEXT,
@CLIENT_COLUMNS@
@SERVER_COLUMNS@
  findings TEXT NOT NULL
);

-- Where and with what an exchange begins makes it the same one: its answer may still be missing in
-- a capture that was being written.
CREATE UNIQUE INDEX IF NOT EXISTS exchange_key ON exchange (
  ifnull(session, site || ':' || file || '/' || stream),
  client_ip, client_port, server_ip, server_port, ifnull(time, ''), frame, ifnull(tag, ''),
  ifnull(CASE WHEN command_frame IS NULL THEN server_list ELSE client_list END, 0));

-- Every pair of every exchange, in order.
CREATE VIEW IF NOT EXISTS pair AS
  SELECT e.id AS exchange, 'client' AS side, p.n, p.field, p.value, p.field_hex, p.value_hex
  FROM exchange AS e JOIN list_pair AS p ON p.list = e.client_list
  UNION ALL
  SELECT e.id, 'server', p.n, p.field, p.value, p.field_hex, p.value_hex
  FROM exchange AS e JOIN list_pair AS p ON p.list = e.server_list;

-- Connections that a section of a chain met, and of which another section tells: of what this one said of them nothing is kept.
CREATE TABLE IF NOT EXISTS continued (
  session TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS client_software AS
  SELECT client_name AS name, client_version AS version, client_os AS os,
         count(DISTINCT site || ':' || file || '/' || stream || '/' || client_ip || '/' || client_port)
           AS connections,
         count(DISTINCT client_ip) AS addresses, count(*) AS exchanges,
         min(time) AS first, max(time) AS last
  FROM exchange WHERE command_frame IS NOT NULL GROUP BY 1, 2, 3;

CREATE VIEW IF NOT EXISTS server_software AS
  SELECT server_name AS name, server_version AS version, server_os AS os,
         count(DISTINCT site || ':' || file || '/' || stream || '/' || client_ip || '/' || client_port)
           AS connections,
         count(DISTINCT server_ip) AS addresses, count(*) AS exchanges,
         min(time) AS first, max(time) AS last
  FROM exchange WHERE response_frame IS NOT NULL GROUP BY 1, 2, 3;

-- One row for each finding of an exchange or session.
CREATE VIEW IF NOT EXISTS finding AS
  SELECT json_extract(f.value, '$.code') AS code, json_extract(f.value, '$.severity') AS severity,
         json_extract(f.value, '$.side') AS side, json_extract(f.value, '$.field') AS field,
         e.site, e.file, e.frame, e.time, e.client_ip, e.server_ip, e.client_name, e.client_version,
         e.server_name, e.id AS exchange
  FROM exchange AS e, json_each(e.findings) AS f
  UNION ALL
  SELECT json_extract(f.value, '$.code'), json_extract(f.value, '$.severity'),
         json_extract(f.value, '$.side'), json_extract(f.value, '$.field'),
         s.site, s.file, NULL, s.first, s.client_ip, s.server_ip, NULL, NULL, NULL, NULL
  FROM session AS s, json_each(s.findings) AS f;

-- Connections that were seen whole, their end too, and in which the client sent no ID.
CREATE VIEW IF NOT EXISTS silent AS
  SELECT * FROM session
  WHERE imap AND exchanges = 0 AND from_start AND ended IS NOT NULL AND lost_bytes = 0
    AND not_decrypted IS NULL AND doubts = '[]';

CREATE VIEW IF NOT EXISTS unreadable AS
  SELECT * FROM session WHERE not_decrypted IS NOT NULL;

-- @INDEXES@: what follows is made when everything is in, which is faster.
CREATE INDEX IF NOT EXISTS exchange_client ON exchange (client_name, client_version);
CREATE INDEX IF NOT EXISTS exchange_server ON exchange (server_name, server_version);
CREATE INDEX IF NOT EXISTS exchange_time ON exchange (time);
CREATE INDEX IF NOT EXISTS exchange_client_ip ON exchange (client_ip);
CREATE INDEX IF NOT EXISTS exchange_client_list ON exchange (client_list);
CREATE INDEX IF NOT EXISTS exchange_server_list ON exchange (server_list);
CREATE INDEX IF NOT EXISTS list_pair_field ON list_pair (field COLLATE NOCASE, value);
