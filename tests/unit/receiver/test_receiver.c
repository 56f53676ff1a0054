/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers: what they send, and what they make of the answers. */
#include "config.h"

#include <stdlib.h>

#include "world.h"

START_TEST(every_type_has_a_kind_and_a_way_out)
{
	size_t n = 0;

	for (; receiver_list[n] != NULL; n++) {
		const struct receiver_ops *ops = receiver_list[n];

		REQUIRE(ops->kind == receiver_kinds[n]);
		REQUIRE(receiver_ops_of(ops->kind) == ops);
		REQUIRE((ops->render != NULL && ops->classify != NULL) != (ops->write != NULL));
		for (size_t i = 0; i < ops->kind->schema->n_fields; i++)
			REQUIRE(ops->kind->schema->fields[i].doc != NULL);
	}
	ck_assert_uint_eq(n, 19);
	ck_assert_ptr_null(receiver_kinds[n]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receiver");
	TCase *list = tcase_create("list");
	SRunner *runner;
	int failed;

	tcase_add_test(list, every_type_has_a_kind_and_a_way_out);
	suite_add_tcase(suite, list);
	suite_add_tcase(suite, case_message());
	suite_add_tcase(suite, case_webhook());
	suite_add_tcase(suite, case_slack());
	suite_add_tcase(suite, case_steps());
	suite_add_tcase(suite, case_stock());
	suite_add_tcase(suite, case_pagerduty());
	suite_add_tcase(suite, case_payload());
	suite_add_tcase(suite, case_text());
	suite_add_tcase(suite, case_types());
	suite_add_tcase(suite, case_types_settings());
	suite_add_tcase(suite, case_mime());
	suite_add_tcase(suite, case_ack_link());
	suite_add_tcase(suite, case_email());
	suite_add_tcase(suite, case_incident());
	suite_add_tcase(suite, case_log());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
