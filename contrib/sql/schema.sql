-- SPDX-License-Identifier: GPL-2.0-or-later
-- What parquet.sql wrote, as the tables and views of `imapid -T sqlite`: names and columns mean the same. Variable: parquet, the folder.
-- A query with site and day in WHERE reads those folders only.

CREATE OR REPLACE VIEW exchange AS SELECT * FROM read_parquet(getvariable('parquet') || '/exchange/*/*/*.parquet',
  hive_partitioning = true, hive_types = {site: VARCHAR, day: DATE});
CREATE OR REPLACE VIEW session AS SELECT * FROM read_parquet(getvariable('parquet') || '/session/*/*/*.parquet',
  hive_partitioning = true, hive_types = {site: VARCHAR, day: DATE});
CREATE OR REPLACE VIEW capture AS SELECT * FROM read_parquet(getvariable('parquet') || '/capture/*/*/*.parquet',
  hive_partitioning = true, hive_types = {site: VARCHAR, day: DATE});

-- Where octets are not UTF-8, text has U+FFFD, and these are all of them.
CREATE OR REPLACE MACRO all_of(octets, text) AS CASE WHEN lower(hex(text)) <> octets THEN octets END;

-- Every pair of every exchange, in order (n from 0 on). The columns of its exchange stand beside it: there is no number to join by.
CREATE OR REPLACE VIEW pair AS
  SELECT 'client' AS side, i - 1 AS n, client_params[i][1] AS field, client_params[i][2] AS value,
         all_of(client_params_hex[i][1], client_params[i][1]) AS field_hex,
         all_of(client_params_hex[i][2], client_params[i][2]) AS value_hex, e.*
  FROM exchange AS e, unnest(range(1, len(client_params) + 1)) AS numbers (i)
  UNION ALL
  SELECT 'server', i - 1, server_params[i][1], server_params[i][2],
         all_of(server_params_hex[i][1], server_params[i][1]), all_of(server_params_hex[i][2], server_params[i][2]), e.*
  FROM exchange AS e, unnest(range(1, len(server_params) + 1)) AS numbers (i);

CREATE OR REPLACE VIEW client_software AS
  SELECT client_name AS name, client_version AS version, client_os AS os, count(DISTINCT session) AS connections,
         count(DISTINCT client_ip) AS addresses, count(*) AS exchanges, min(time) AS first, max(time) AS last
  FROM exchange WHERE command_frame IS NOT NULL GROUP BY 1, 2, 3;

CREATE OR REPLACE VIEW server_software AS
  SELECT server_name AS name, server_version AS version, server_os AS os, count(DISTINCT session) AS connections,
         count(DISTINCT server_ip) AS addresses, count(*) AS exchanges, min(time) AS first, max(time) AS last
  FROM exchange WHERE response_frame IS NOT NULL GROUP BY 1, 2, 3;

CREATE OR REPLACE VIEW finding AS
  SELECT f.code, f.severity, f.side, f.field, site, file, frame, time, client_ip, server_ip, client_name, client_version, server_name
  FROM exchange, unnest(findings) AS told (f)
  UNION ALL
  SELECT f.code, f.severity, f.side, f.field, site, file, NULL, first, client_ip, server_ip, NULL, NULL, NULL
  FROM session, unnest(findings) AS told (f);

CREATE OR REPLACE VIEW silent AS
  SELECT * FROM session
  WHERE imap AND exchanges = 0 AND from_start AND ended IS NOT NULL AND lost_bytes = 0 AND not_decrypted IS NULL
    AND json_array_length(doubts) = 0;

CREATE OR REPLACE VIEW unreadable AS SELECT * FROM session WHERE not_decrypted IS NOT NULL;
