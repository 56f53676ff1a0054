-- SPDX-License-Identifier: Apache-2.0
--
-- One step of the quickstart's feeder: the readings and predictions of this
-- moment and, every five seconds, drift scores over the last 240 readings of
-- each feature.  Group B's vibration drifts further with every second, and the
-- model grows unsure of that group.
--
-- Parameters: :now and :start, unix seconds.

.timeout 2000
BEGIN IMMEDIATE;

WITH sensor(id) AS (VALUES (1), (2), (3))
INSERT INTO features
SELECT :now, sensor_group, sensor_group || '-' || id, feature,
	CASE WHEN abs(random() % 500) > 0 THEN
		base + daily_swing * sin(6.283185307 * (:now % 86400 - 28800) / 86400.0)
		+ noise * sqrt(-2 * ln((abs(random() % 1000000) + 1) / 1000001.0))
			* cos(6.283185307 * abs(random() % 1000000) / 1000000.0)
		+ CASE WHEN sensor_group = 'B' AND feature = 'vibration'
			THEN noise * min(6, 1.5 + 0.25 * (:now - :start)) ELSE 0 END
	END
FROM simulator_profile CROSS JOIN sensor;

WITH sensor(id) AS (VALUES (1), (2), (3)),
grp(sensor_group) AS (VALUES ('A'), ('B'), ('C'), ('D'))
INSERT INTO predictions
SELECT :now, sensor_group, sensor_group || '-' || id,
	0.01 + 0.06 * abs(random() % 1000) / 1000.0
		+ CASE sensor_group WHEN 'B' THEN min(0.5, 0.01 * (:now - :start)) ELSE 0 END,
	0.90 + 0.095 * abs(random() % 1000) / 1000.0
		- CASE sensor_group WHEN 'B' THEN min(0.45, 0.01 * (:now - :start)) ELSE 0 END,
	14 + 8 * abs(random() % 1000) / 1000.0
		- 9 * ln((abs(random() % 1000000) + 1) / 1000001.0),
	'fault-2.4.0'
FROM grp CROSS JOIN sensor;

WITH recent AS (
	SELECT p.sensor_group, p.feature, f.ts, f.value
	FROM simulator_profile p
	JOIN features f ON f.rowid IN (
		SELECT x.rowid FROM features x
		WHERE x.sensor_group = p.sensor_group AND x.feature = p.feature
		ORDER BY x.ts DESC LIMIT 240)
	WHERE f.value IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM drift_scores WHERE ts > :now - 5)
), binned AS (
	SELECT r.sensor_group, r.feature, b.bin, count(*) AS c
	FROM recent r
	JOIN training_stats t ON t.sensor_group = r.sensor_group
		AND t.feature = r.feature AND t.hour = r.ts / 3600 % 24
	JOIN training_bins b ON b.sensor_group = r.sensor_group AND b.feature = r.feature
		AND (r.value - t.mean) / t.stddev >= b.low
		AND (r.value - t.mean) / t.stddev < b.high
	GROUP BY 1, 2, 3
), total AS (
	SELECT sensor_group, feature, sum(c) AS n FROM binned GROUP BY 1, 2
), share AS (
	SELECT t.sensor_group, t.feature, t.n, b.share AS p,
		(coalesce(c.c, 0) + 0.5) / (t.n + 5.0) AS q
	FROM total t
	JOIN training_bins b ON b.sensor_group = t.sensor_group AND b.feature = t.feature
	LEFT JOIN binned c ON c.sensor_group = t.sensor_group
		AND c.feature = t.feature AND c.bin = b.bin
)
INSERT INTO drift_scores
SELECT :now, sensor_group, feature, 'psi', sum((q - p) * ln(q / p)), 0.25, n
FROM share GROUP BY sensor_group, feature;

COMMIT;
