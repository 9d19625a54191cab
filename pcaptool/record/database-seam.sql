-- SPDX-License-Identifier: GPL-2.0-or-later
-- The oldest pieces of a ring are deleted from time to time. A connection that began in one of them was read from its start by an
-- earlier run, and is read from its middle by this one, under another key. Here the rows of both become one connection.
--
-- temp.reading has the rows of this run's sessions that concern an earlier one: whether this run was the first to tell of it, and
-- whether it was read from its middle. The earlier row is one that this run did not meet, of the same site, ends and path, whose time
-- overlaps; or that had not ended before a middle, if it was silent for no longer than a server has to wait (30 minutes: RFC 9051 5.4).

CREATE TEMP TABLE seam AS
  SELECT later.id AS later, later.session AS later_key, earlier.id AS earlier, earlier.session AS earlier_key,
         earlier.client_ip AS client_ip, earlier.client_port AS client_port, earlier.file AS file, earlier.stream AS stream,
         max(earlier.first) AS first
  FROM temp.reading JOIN main.session AS later ON later.id = reading.id
       JOIN main.session AS earlier ON earlier.client_ip = later.client_ip AND earlier.client_port = later.client_port
         AND earlier.server_ip = later.server_ip AND earlier.server_port = later.server_port
         AND earlier.site = later.site AND earlier.path IS later.path
         AND earlier.id NOT IN (SELECT id FROM temp.reading)
         AND earlier.first < later.first
         AND (earlier.last >= later.first
              OR from_middle AND earlier.ended IS NULL AND unixepoch(later.first) - unixepoch(earlier.last) <= 30 * 60)
  WHERE reading.is_new
  GROUP BY later.id;

-- The same exchange in both: by its command, or, where the later reading has not got that, by the place of its answer. The one with an
-- answer stays.
CREATE TEMP TABLE twice AS
  SELECT one.id AS earlier, other.id AS later,
         (other.status IS NOT NULL, other.response_frame IS NOT NULL) > (one.status IS NOT NULL, one.response_frame IS NOT NULL)
           AND (other.command_frame IS NOT NULL OR one.command_frame IS NULL) AS is_later_better
  FROM temp.seam
       JOIN main.exchange AS other ON ifnull(other.session, other.site || ':' || other.file || '/' || other.stream) = later_key
         AND (other.client_ip, other.client_port) = (seam.client_ip, seam.client_port)
       JOIN main.exchange AS one ON ifnull(one.session, one.site || ':' || one.file || '/' || one.stream) = earlier_key
         AND (one.client_ip, one.client_port) = (seam.client_ip, seam.client_port)
         AND one.tag IS other.tag
         AND CASE WHEN other.command_frame IS NOT NULL THEN one.time = other.time AND one.client_list IS other.client_list
             WHEN other.response_frame IS NOT NULL THEN one.server_list IS other.server_list AND
               (ifnull(one.response_file, one.file), one.response_frame) = (ifnull(other.response_file, other.file), other.response_frame)
             ELSE (ifnull(one.result_file, one.file), one.result_frame) = (ifnull(other.result_file, other.file), other.result_frame)
             END;
-- One has the command, the other the end of the answer.
UPDATE exchange SET (status, text, result_frame, result_file) =
    (SELECT status, text, result_frame, ifnull(result_file, file) FROM exchange AS other WHERE other.id = twice.later)
  FROM temp.twice WHERE exchange.id = twice.earlier AND exchange.status IS NULL AND NOT is_later_better;
DELETE FROM exchange WHERE id IN (SELECT CASE WHEN is_later_better THEN earlier ELSE later END FROM temp.twice);

-- A command that was not complete yet when the earlier run ended, and is told again from a later place.
DELETE FROM exchange WHERE status IS NULL AND response_frame IS NULL AND id IN (
  SELECT one.id FROM temp.seam
       JOIN main.exchange AS one ON ifnull(one.session, one.site || ':' || one.file || '/' || one.stream) = earlier_key
         AND (one.client_ip, one.client_port) = (seam.client_ip, seam.client_port)
         AND one.time = (SELECT max(time) FROM main.exchange
                         WHERE ifnull(session, site || ':' || file || '/' || stream) = earlier_key
                           AND (client_ip, client_port) = (seam.client_ip, seam.client_port))
       JOIN main.exchange AS other ON ifnull(other.session, other.site || ':' || other.file || '/' || other.stream) = later_key
         AND (other.client_ip, other.client_port) = (seam.client_ip, seam.client_port)
         AND other.tag IS one.tag AND other.command_frame IS NOT NULL AND other.time > one.time
  WHERE one.id NOT IN (SELECT earlier FROM temp.twice));

-- What is left of the later one belongs to the earlier one. Frames stay with the file in which they count.
-- With the very same key there is one that time does not tell apart.
UPDATE OR REPLACE exchange SET session = earlier_key, file = seam.file, stream = seam.stream,
    command_file = CASE WHEN command_frame IS NOT NULL THEN ifnull(command_file, exchange.file) END,
    response_file = CASE WHEN response_frame IS NOT NULL THEN ifnull(response_file, exchange.file) END,
    result_file = CASE WHEN result_frame IS NOT NULL THEN ifnull(result_file, exchange.file) END
  FROM temp.seam WHERE exchange.session = later_key AND (exchange.client_ip, exchange.client_port) = (seam.client_ip, seam.client_port);

-- The earlier one knows how the connection began, the later one how it went on. What failed has failed, but for want of packets.
UPDATE session SET
    (outcome, healthy, stopped_at, stopped_by, outcome_text, outcome_frame, outcome_file) =
      (SELECT outcome, healthy, stopped_at, stopped_by, outcome_text, outcome_frame,
              CASE WHEN outcome_frame IS NOT NULL THEN ifnull(outcome_file, file) END
       FROM session AS later WHERE later.id = seam.later)
  FROM temp.seam WHERE session.id = seam.earlier AND (session.healthy IS NOT 0 OR session.stopped_by = 'capture')
    AND EXISTS (SELECT 1 FROM session AS later WHERE later.id = seam.later AND later.last >= session.last AND later.outcome IS NOT NULL
                AND (later.stopped_by IS NOT 'capture' OR session.stopped_by = 'capture' AND later.outcome = session.outcome));
UPDATE session SET (last, ended, ended_by, ended_frame, ended_file) =
      (SELECT last, ended, ended_by, ended_frame, CASE WHEN ended_frame IS NOT NULL THEN ifnull(ended_file, file) END
       FROM session AS later WHERE later.id = seam.later)
  FROM temp.seam WHERE session.id = seam.earlier
    AND EXISTS (SELECT 1 FROM session AS later WHERE later.id = seam.later AND later.last >= session.last);
UPDATE session SET
    compressed = session.compressed OR later.compressed,
    security = CASE session.security WHEN 'none' THEN later.security ELSE session.security END,
    auth = CASE session.auth WHEN '[]' THEN later.auth ELSE session.auth END,
    lost_bytes = max(session.lost_bytes, later.lost_bytes),
    resyncs = max(session.resyncs, later.resyncs),
    doubts = (SELECT json_group_array(json(value)) FROM
      (SELECT value FROM json_each(session.doubts)
       UNION ALL
       SELECT json_set(value, '$.frames', json('[]')) FROM json_each(later.doubts) WHERE json_extract(value, '$.code') NOT IN
         (SELECT json_extract(value, '$.code') FROM json_each(session.doubts)))),
    findings = (SELECT json_group_array(json(value)) FROM
      (SELECT value FROM json_each(session.findings) UNION SELECT value FROM json_each(later.findings))),
    exchanges = (SELECT count(*) FROM exchange WHERE
      ifnull(exchange.session, exchange.site || ':' || exchange.file || '/' || exchange.stream) = seam.earlier_key
        AND (exchange.client_ip, exchange.client_port) = (seam.client_ip, seam.client_port))
  FROM temp.seam JOIN main.session AS later ON later.id = seam.later WHERE session.id = seam.earlier;
DELETE FROM session WHERE id IN (SELECT later FROM temp.seam);

DROP TABLE temp.twice;
DROP TABLE temp.seam;
UPDATE temp.reading SET is_new = 0;
