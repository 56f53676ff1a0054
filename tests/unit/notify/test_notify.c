/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notify room: the pure decisions, deliveries, retries, restarts, and a seeded simulation
 * of all of it.
 */
#include "config.h"

#include <stdlib.h>

#include "base/log.h"
#include "unit/notify/suites.h"

int
main(void)
{
	Suite *suite = suite_create("notify");

	/* Failures are the subject here; their log lines are not. */
	log_configure((enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	suite_add_tcase(suite, dedup_tests());
	suite_add_tcase(suite, deliver_tests());
	suite_add_tcase(suite, decision_tests());
	suite_add_tcase(suite, flap_tests());
	suite_add_tcase(suite, gate_tests());
	suite_add_tcase(suite, suppressed_tests());
	suite_add_tcase(suite, silence_watch_tests());
	suite_add_tcase(suite, retry_tests());
	suite_add_tcase(suite, restart_tests());
	suite_add_tcase(suite, simulation_tests());
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
