/* SPDX-License-Identifier: Apache-2.0 */
/* The on-call room: schedules, escalation, policies, whom a step tells. */
#include "config.h"

#include <stdlib.h>

#include "base/timestamp.h"
#include "suites.h"

wall_t
at(const char *timestamp)
{
	wall_t t = WALL_NONE;

	ck_assert_msg(timestamp_parse(str_from(timestamp), &t), "%s", timestamp);
	return t;
}

int
main(void)
{
	Suite *suite = suite_create("oncall");

	suite_add_tcase(suite, schedule_tests());
	suite_add_tcase(suite, escalation_tests());
	suite_add_tcase(suite, policy_tests());
	suite_add_tcase(suite, plan_tests());
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
