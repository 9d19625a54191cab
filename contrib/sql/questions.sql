-- SPDX-License-Identifier: GPL-2.0-or-later
-- The questions that the manual (TABLES) asks SQLite. schema.sql comes first.

-- Which versions of one client are there, and since when?
SELECT version, connections, first FROM client_software WHERE name = 'Thunderbird' ORDER BY first;

-- Which clients send fields that RFC 2971 does not define?
SELECT DISTINCT client_name, field FROM pair WHERE side = 'client' AND field ILIKE 'x-%';

-- Which clients send their ID unencrypted, and to which server?
SELECT server_ip, client_name, count(*) FROM exchange WHERE security = 'none' GROUP BY 1, 2;

-- Which findings are there, how often, and in which client?
SELECT severity, code, client_name, count(*) FROM finding GROUP BY 1, 2, 3 ORDER BY 4 DESC;

-- Which servers answer slowly?
SELECT server_ip, max(rtt), count(*) FROM exchange WHERE rtt > 1 GROUP BY 1;
