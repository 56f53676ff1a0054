-- SPDX-License-Identifier: Apache-2.0
--
-- The drift store of the quickstart: 14 days of an industrial-sensor model
-- (four sensor groups, three sensors each, one reading every five minutes),
-- with the statistics of its training set and the drift scores that a nightly
-- job would have written.  rules/drift-store.yml and rules/data-quality.yml
-- are written for these tables; rename columns there to fit your own store.
--
-- Parameter :now (unix seconds) is the end of the history:
--   sqlite3 drift.db ".parameter set :now $(date +%s)" ".read drift.sql"
--
-- Group B's vibration begins to drift in the last ten minutes, too little yet
-- for any rule; feed.sql continues from there.

PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
BEGIN;

-- What the simulator knows of each feature.  No rule reads this table.
CREATE TABLE simulator_profile (
	sensor_group TEXT NOT NULL,
	feature      TEXT NOT NULL,
	base         REAL NOT NULL,
	daily_swing  REAL NOT NULL,
	noise        REAL NOT NULL,
	PRIMARY KEY (sensor_group, feature)
) STRICT, WITHOUT ROWID;

INSERT INTO simulator_profile VALUES
	('A', 'temperature', 62.0, 1.80, 1.20), ('A', 'vibration', 2.10, 0.20, 0.18),
	('A', 'pressure',    5.20, 0.15, 0.12), ('A', 'current',   18.0, 1.10, 0.70),
	('B', 'temperature', 71.0, 1.90, 1.30), ('B', 'vibration', 2.60, 0.22, 0.20),
	('B', 'pressure',    5.60, 0.15, 0.13), ('B', 'current',   21.0, 1.20, 0.80),
	('C', 'temperature', 55.0, 1.60, 1.10), ('C', 'vibration', 1.80, 0.18, 0.16),
	('C', 'pressure',    4.90, 0.14, 0.12), ('C', 'current',   15.5, 1.00, 0.60),
	('D', 'temperature', 66.0, 1.80, 1.20), ('D', 'vibration', 2.30, 0.20, 0.19),
	('D', 'pressure',    5.40, 0.15, 0.12), ('D', 'current',   19.0, 1.10, 0.70);

-- A reading that did not arrive has a row with a NULL value.
CREATE TABLE features (
	ts           INTEGER NOT NULL,  -- unix seconds
	sensor_group TEXT NOT NULL,
	sensor_id    TEXT NOT NULL,
	feature      TEXT NOT NULL,
	value        REAL
) STRICT;

CREATE TABLE predictions (
	ts            INTEGER NOT NULL,
	sensor_group  TEXT NOT NULL,
	sensor_id     TEXT NOT NULL,
	prediction    REAL NOT NULL,    -- probability of a fault within 24 h
	confidence    REAL NOT NULL,
	latency_ms    REAL NOT NULL,
	model_version TEXT NOT NULL
) STRICT;

-- The training set, per hour of the day (UTC): the sensors have a daily cycle,
-- so one mean for the whole day would see drift every afternoon.
CREATE TABLE training_stats (
	sensor_group TEXT NOT NULL,
	feature      TEXT NOT NULL,
	hour         INTEGER NOT NULL,
	n            INTEGER NOT NULL,
	mean         REAL NOT NULL,
	stddev       REAL NOT NULL,
	low          REAL NOT NULL,
	high         REAL NOT NULL,
	PRIMARY KEY (sensor_group, feature, hour)
) STRICT, WITHOUT ROWID;

-- Ten bins of equal share over the residuals of the training set; PSI is
-- computed against them.
CREATE TABLE training_bins (
	sensor_group TEXT NOT NULL,
	feature      TEXT NOT NULL,
	bin          INTEGER NOT NULL,
	low          REAL NOT NULL,     -- first bin: -9e99
	high         REAL NOT NULL,     -- last bin: 9e99
	share        REAL NOT NULL,
	PRIMARY KEY (sensor_group, feature, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE drift_scores (
	ts           INTEGER NOT NULL,
	sensor_group TEXT NOT NULL,
	feature      TEXT NOT NULL,
	method       TEXT NOT NULL,
	score        REAL NOT NULL,
	threshold    REAL NOT NULL,
	n            INTEGER NOT NULL   -- samples behind the score
) STRICT;

-- How far a reading lies from its training mean, in training standard
-- deviations, with the daily cycle removed.
CREATE VIEW feature_residuals AS
SELECT f.ts, f.sensor_group, f.feature, (f.value - t.mean) / t.stddev AS residual
FROM features f
JOIN training_stats t ON t.sensor_group = f.sensor_group
	AND t.feature = f.feature AND t.hour = f.ts / 3600 % 24
WHERE f.value IS NOT NULL;

-- Gaussian noise is Box-Muller; the daily cycle peaks in the afternoon; one
-- reading in 500 is missing.
WITH RECURSIVE slot(i) AS (
	SELECT 0 UNION ALL SELECT i + 1 FROM slot WHERE i < 14 * 288 - 1
), sensor(id) AS (VALUES (1), (2), (3))
INSERT INTO features
SELECT ts, sensor_group, sensor_group || '-' || id, feature,
	CASE WHEN abs(random() % 500) > 0 THEN
		base + daily_swing * sin(6.283185307 * (ts % 86400 - 28800) / 86400.0)
		+ noise * sqrt(-2 * ln((abs(random() % 1000000) + 1) / 1000001.0))
			* cos(6.283185307 * abs(random() % 1000000) / 1000000.0)
		+ CASE WHEN sensor_group = 'B' AND feature = 'vibration' AND ts > :now - 600
			THEN 1.5 * noise * (1 - (:now - ts) / 600.0) ELSE 0 END
	END
FROM (SELECT :now / 300 * 300 - (14 * 288 - 1 - i) * 300 AS ts FROM slot)
CROSS JOIN simulator_profile CROSS JOIN sensor;

-- Latency has a long tail; the model was upgraded five days ago.
WITH RECURSIVE slot(i) AS (
	SELECT 0 UNION ALL SELECT i + 1 FROM slot WHERE i < 14 * 288 - 1
), sensor(id) AS (VALUES (1), (2), (3)),
grp(sensor_group) AS (VALUES ('A'), ('B'), ('C'), ('D'))
INSERT INTO predictions
SELECT ts, sensor_group, sensor_group || '-' || id,
	0.01 + 0.06 * abs(random() % 1000) / 1000.0,
	0.90 + 0.095 * abs(random() % 1000) / 1000.0,
	14 + 8 * abs(random() % 1000) / 1000.0
		- 9 * ln((abs(random() % 1000000) + 1) / 1000001.0),
	CASE WHEN ts > :now - 5 * 86400 THEN 'fault-2.4.0' ELSE 'fault-2.3.1' END
FROM (SELECT :now / 300 * 300 - (14 * 288 - 1 - i) * 300 AS ts FROM slot)
CROSS JOIN grp CROSS JOIN sensor;

CREATE INDEX features_ts ON features (ts);
CREATE INDEX features_series ON features (sensor_group, feature, ts);
CREATE INDEX predictions_ts ON predictions (ts);
CREATE INDEX drift_scores_ts ON drift_scores (ts);

-- The model was trained on the first week.
INSERT INTO training_stats
SELECT sensor_group, feature, ts / 3600 % 24, count(value), avg(value),
	sqrt((sum(value * value) - count(value) * avg(value) * avg(value))
		/ (count(value) - 1)),
	min(value), max(value)
FROM features
WHERE ts <= :now - 7 * 86400 AND value IS NOT NULL
GROUP BY 1, 2, 3;

INSERT INTO training_bins
SELECT sensor_group, feature, bin,
	CASE bin WHEN 1 THEN -9e99 ELSE min(residual) END,
	CASE bin WHEN 10 THEN 9e99
		ELSE lead(min(residual)) OVER (PARTITION BY sensor_group, feature ORDER BY bin) END,
	1.0 * count(*) / sum(count(*)) OVER (PARTITION BY sensor_group, feature)
FROM (
	SELECT sensor_group, feature, residual,
		ntile(10) OVER (PARTITION BY sensor_group, feature ORDER BY residual) AS bin
	FROM feature_residuals WHERE ts <= :now - 7 * 86400
)
GROUP BY sensor_group, feature, bin;

-- Since then a job has compared every six hours with the training set.  Half a
-- count is added to each bin so that an empty one does not make the score
-- infinite.
WITH binned AS (
	SELECT r.sensor_group, r.feature, (:now - 900 - r.ts) / 21600 AS batch, b.bin, count(*) AS c
	FROM feature_residuals r
	JOIN training_bins b ON b.sensor_group = r.sensor_group
		AND b.feature = r.feature AND r.residual >= b.low AND r.residual < b.high
	WHERE r.ts > :now - 7 * 86400 AND r.ts <= :now - 900
	GROUP BY 1, 2, 3, 4
), total AS (
	SELECT sensor_group, feature, batch, sum(c) AS n FROM binned GROUP BY 1, 2, 3
), share AS (
	SELECT t.sensor_group, t.feature, t.batch, t.n, b.share AS p,
		(coalesce(c.c, 0) + 0.5) / (t.n + 5.0) AS q
	FROM total t
	JOIN training_bins b ON b.sensor_group = t.sensor_group AND b.feature = t.feature
	LEFT JOIN binned c ON c.sensor_group = t.sensor_group AND c.feature = t.feature
		AND c.batch = t.batch AND c.bin = b.bin
)
INSERT INTO drift_scores
SELECT :now - 900 - batch * 21600, sensor_group, feature, 'psi',
	sum((q - p) * ln(q / p)), 0.25, n
FROM share
WHERE n >= 100
GROUP BY sensor_group, feature, batch;

COMMIT;
ANALYZE;
PRAGMA synchronous = NORMAL;
