/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of this folder, one function per file. */
#pragma once

#include <check.h>

TCase *tcase_alert_step(void);
TCase *tcase_drift(void);
TCase *tcase_drift_points(void);
TCase *tcase_tables(void);
TCase *tcase_quality(void);
TCase *tcase_score(void);
TCase *tcase_score_world(void);
TCase *tcase_change(void);
TCase *tcase_composite(void);
TCase *tcase_deviation(void);
TCase *tcase_forecast(void);
TCase *tcase_kinds_world(void);
TCase *tcase_group(void);
TCase *tcase_kinds(void);
TCase *tcase_lint(void);
TCase *tcase_ask(void);
TCase *tcase_promql(void);
TCase *tcase_record(void);
TCase *tcase_engine(void);
TCase *tcase_past(void);
TCase *tcase_learning(void);
TCase *tcase_engine_restart(void);
TCase *tcase_explain(void);
