/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of this program, and the data they share. */
#pragma once

#include <check.h>

#include "template/template.h"

Suite *suite_observed(void);
Suite *suite_defaults(void);
Suite *suite_engine(void);
Suite *suite_query(void);

struct template_data observed_rule_data(void);
struct template_data observed_notification_data(struct template_alert alerts[3]);
