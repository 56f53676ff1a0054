-- SPDX-License-Identifier: Apache-2.0
--
-- One line for each alert whose state changed since the last call.  Reads
-- alerts.json (an answer of GET /api/v1/alerts) in the working directory and
-- remembers in the open database what it has shown.

CREATE TABLE IF NOT EXISTS shown (
	alert TEXT NOT NULL PRIMARY KEY,
	state TEXT NOT NULL
) STRICT;

CREATE TEMP TABLE current AS
SELECT json_extract(a.value, '$.labels.alertname')
		|| coalesce((SELECT group_concat(' ' || l.key || '=' || l.value, '')
			FROM json_each(a.value, '$.labels') l
			WHERE l.key <> 'alertname'), '') AS alert,
	json_extract(a.value, '$.state') AS state,
	CAST(json_extract(a.value, '$.value') AS REAL) AS value
FROM json_each(CAST(readfile('alerts.json') AS TEXT), '$.data.alerts') a;

SELECT strftime('%H:%M:%S', 'now', 'localtime')
	|| printf('  %-8s  %s value=%.4g', state, alert, value)
FROM current
WHERE NOT EXISTS (SELECT 1 FROM shown
	WHERE shown.alert = current.alert AND shown.state = current.state)
ORDER BY state DESC, alert;

SELECT strftime('%H:%M:%S', 'now', 'localtime')
	|| printf('  %-8s  %s', iif(state = 'firing', 'resolved', 'inactive'), alert)
FROM shown
WHERE alert NOT IN (SELECT alert FROM current)
ORDER BY alert;

DELETE FROM shown;
INSERT OR REPLACE INTO shown SELECT alert, state FROM current;
