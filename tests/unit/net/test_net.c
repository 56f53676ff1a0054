/* SPDX-License-Identifier: Apache-2.0 */
/* The room's test program: client, mail, server, and the small text functions.
 */
#include "config.h"

#include <stdlib.h>

#include "net_world.h"

int
main(void)
{
	SRunner *runner = srunner_create(suite_texts());
	int failed;

	srunner_add_suite(runner, suite_xfer());
	srunner_add_suite(runner, suite_xfer_answers());
	srunner_add_suite(runner, suite_mail());
	srunner_add_suite(runner, suite_server());
	srunner_add_suite(runner, suite_server_bounds());
	srunner_add_suite(runner, suite_server_limits());
	srunner_add_suite(runner, suite_options());
	srunner_add_suite(runner, suite_guard());
	srunner_add_suite(runner, suite_guard_roles());
	srunner_add_suite(runner, suite_throttle());
	srunner_add_suite(runner, suite_reach());
	srunner_add_suite(runner, suite_tls());
	srunner_add_suite(runner, suite_token());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
