/* SPDX-License-Identifier: Apache-2.0 */
/* Pings are withheld while something does not work; the sums of the noise report. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/xalloc.h"
#include "health/noise.h"
#include "health/pings.h"
#include "loop/loop.h"
#include "net/xfer.h"

#define START 1700000000
#define S(s)  ((wall_t){ INT64_C(1000000000) * (START + (s)) })

/* ---- pings -------------------------------------------------------------------------- */

static struct {
	uint32_t pinged;
	int status;
	const char *trouble;
} w;

static dur_t
script(void *arg, const struct xfer_request *request, struct xfer_response *response)
{
	(void)arg;
	ck_assert_str_eq(request->url.p, "http://outside/x");
	w.pinged++;
	response->status = w.status;
	return DUR_MS(10);
}

static void
trouble(void *arg, wall_t now, struct buf *out)
{
	(void)arg;
	(void)now;
	if (w.trouble != NULL)
		buf_puts(out, w.trouble);
}

START_TEST(a_ping_is_withheld_while_something_does_not_work)
{
	struct loop *loop = loop_new_virtual(S(0));
	struct xfer *xfer = xfer_new_scripted(loop, script, NULL);
	struct pings *pings = pings_new(
	    &(struct pings_options){ .loop = loop, .xfer = xfer, .trouble = trouble });
	struct heartbeat_config beat = {
		.name = "out", .url = "http://outside/x", .interval = DUR_S(60)
	};
	struct config *config = xcalloc(1, sizeof(*config));
	struct ping_look look;

	w.pinged = 0;
	w.status = 200;
	w.trouble = NULL;
	config->refs = 2; /* never freed by the pings */
	config->heartbeats = &beat;
	config->n_heartbeats = 1;
	pings_apply(pings, config);
	pings_start(pings);
	loop_run_until(loop, S(59));
	ck_assert_uint_eq(w.pinged, 0);
	loop_run_until(loop, S(185));
	ck_assert_uint_eq(w.pinged, 3);
	w.trouble = "the disk is full";
	loop_run_until(loop, S(305));
	ck_assert(pings_look(pings, 0, &look));
	ck_assert_uint_eq(w.pinged, 3);
	ck_assert_uint_eq(look.withheld, 2);
	ck_assert_str_eq(look.trouble, "the disk is full");
	w.trouble = NULL;
	w.status = 500;
	loop_run_until(loop, S(365));
	ck_assert(pings_look(pings, 0, &look));
	ck_assert_uint_eq(look.failed, 1);
	ck_assert_int_eq(look.last_at.ns / 1000000000, START + 180);
	w.status = 204;
	loop_run_until(loop, S(425));
	ck_assert(pings_look(pings, 0, &look));
	ck_assert_str_eq(look.trouble, "");
	ck_assert(!pings_look(pings, 1, &look));
	pings_free(pings);
	xfer_free(xfer);
	loop_free(loop);
	free(config);
}
END_TEST

/* ---- noise ---------------------------------------------------------------------------- */

static void
event(struct noise *noise, int64_t at, const char *kind, uint64_t fingerprint, const char *rule)
{
	noise_event(noise,
	    &(struct history_row){
		.at = S(at),
		.kind = str_from(kind),
		.fingerprint = fingerprint,
		.subject = str_from(rule),
	    },
	    S(10000));
}

static void
decision(struct noise *noise, int what, int64_t from, int64_t until, const char *group,
    uint64_t fingerprint)
{
	struct buf bytes = { 0 };
	struct decision_row row = { .first_at = S(from),
		.until = until != 0 ? S(until) : WALL_NONE,
		.group_key = str_from(group) };

	buf_put_u64le(&bytes, fingerprint);
	row.fingerprints = buf_str(&bytes);
	if (what == 't')
		noise_told(noise, &row);
	else if (what == 'a')
		noise_acked(noise, &row, S(10000));
	else
		noise_muted(noise, &row, S(10000));
	buf_fini(&bytes);
}

START_TEST(noise_is_summed_up_from_the_newest_back)
{
	struct noise *noise = noise_new();
	struct buf out = { 0 };

	noise_rule(noise, STR("Loud"), true);
	noise_rule(noise, STR("Silent"), true);
	noise_rule(noise, STR("Bare"), false);
	decision(noise, 't', 1000, 0, "g", 1);
	decision(noise, 'a', 1010, 1020, "g", 0);
	decision(noise, 'm', 5000, 5100, "h", 2);
	/* Newest first: 1 fires from 1000 to 1100 and from 3000 to 3600; 2 still does. */
	event(noise, 5000, "firing", 2, "Loud");
	event(noise, 4900, "pending", 2, "Loud");
	event(noise, 3600, "resolved", 1, "Loud");
	event(noise, 3000, "firing", 1, "Loud");
	event(noise, 1100, "resolved", 1, "Loud");
	event(noise, 1000, "firing", 1, "Loud");
	event(noise, 500, "firing", 3, "Gone");
	event(noise, 400, "notified", 0, "ops/webhook[0]");
	noise_put_json(noise, S(0), S(10000), &out);
	ck_assert_ptr_nonnull(strstr(out.p,
	    "{\"rule\":\"Loud\",\"exists\":true,\"fires\":3,\"firing\":1,\"medianSeconds\":350,"
	    "\"under5m\":0.3333333333333333,\"acked\":0.3333333333333333,"
	    "\"muted\":0.3333333333333333}"));
	ck_assert_ptr_nonnull(strstr(out.p, "\"rule\":\"Gone\",\"exists\":false,\"fires\":1"));
	ck_assert_ptr_nonnull(strstr(out.p, "\"neverMatched\":[\"Bare\",\"Silent\"]"));
	ck_assert_ptr_nonnull(strstr(out.p, "\"noRunbook\":[\"Bare\"]"));
	ck_assert_ptr_nonnull(strstr(out.p,
	    "\"flappers\":[{\"fingerprint\":\"0000000000000001\","
	    "\"rule\":\"Loud\",\"fires\":2}]"));
	buf_fini(&out);
	noise_free(noise);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, a_ping_is_withheld_while_something_does_not_work);
	tcase_add_test(tcase, noise_is_summed_up_from_the_newest_back);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
