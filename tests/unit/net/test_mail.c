/* SPDX-License-Identifier: Apache-2.0 */
/* Mail against a server that speaks SMTP from a script. */
#include "config.h"

#include <string.h>

#include "net_world.h"

#define GREETING                                                               \
	{                                                                      \
		NULL, "220 mail.test ESMTP\r\n", STAY                          \
	}
#define HELLO                                                                  \
	{                                                                      \
		"EHLO", "250-mail.test\r\n250 8BITMIME\r\n", STAY              \
	}
#define SENDER                                                                 \
	{                                                                      \
		"MAIL FROM:", "250 sender fine\r\n", STAY                      \
	}
#define RECIPIENT                                                              \
	{                                                                      \
		"RCPT TO:", "250 recipient fine\r\n", STAY                     \
	}
#define DATA                                                                   \
	{                                                                      \
		"DATA\r\n", "354 go ahead\r\n", STAY                           \
	}
#define DOT "\r\n.\r\n"
#define BYE                                                                    \
	{                                                                      \
		"QUIT", "221 bye\r\n", CLOSE                                   \
	}

enum {
	ANY = -1
};

/* clang-format off */
static const struct {
	const char *label;
	bool require_tls;
	enum err_code failure;
	int status; /* ANY: not looked at */
	bool maybe_received;
	struct line lines[10];
} dialogues[] = {
	{ "accepted", false, ERR_NONE, 250, false,
	  { GREETING, HELLO, SENDER, RECIPIENT, DATA, { DOT, "250 queued\r\n", STAY }, BYE } },
	{ "refused for now at the greeting", false, ERR_NONE, 421, false,
	  { { NULL, "421 too busy\r\n", CLOSE } } },
	{ "sender refused for now", false, ERR_NONE, 451, false,
	  { GREETING, HELLO, { "MAIL FROM:", "451 later\r\n", STAY }, BYE } },
	{ "recipient refused for good", false, ERR_NONE, 550, false,
	  { GREETING, HELLO, SENDER, { "RCPT TO:", "550 no such user\r\n", STAY }, BYE } },
	{ "content refused for good", false, ERR_NONE, 554, false,
	  { GREETING, HELLO, SENDER, RECIPIENT, DATA, { DOT, "554 spam\r\n", STAY }, BYE } },
	{ "hangs before the mail", false, ERR_TIMEOUT, ANY, false,
	  { GREETING, HELLO } },
	{ "hangs after the mail", false, ERR_TIMEOUT, ANY, true,
	  { GREETING, HELLO, SENDER, RECIPIENT, DATA } },
	{ "lost after the mail", false, ERR_IO, ANY, true,
	  { GREETING, HELLO, SENDER, RECIPIENT, DATA, { DOT, NULL, CLOSE } } },
	{ "lost before the mail", false, ERR_IO, ANY, false,
	  { GREETING, { "EHLO", NULL, CLOSE } } },
	{ "no STARTTLS although it is required", true, ERR_IO, ANY, false,
	  { GREETING, HELLO, BYE } },
	{ "STARTTLS refused for now", true, ERR_NONE, 454, false,
	  { GREETING, { "EHLO", "250-mail.test\r\n250 STARTTLS\r\n", STAY },
	    { "STARTTLS", "454 no certificate today\r\n", STAY }, BYE } },
	{ "garbage", false, ERR_IO, ANY, false,
	  { { NULL, "HTTP/1.1 200 OK\r\n\r\n\r\n", CLOSE } } },
};
/* clang-format on */

static const char *const boss[] = { "boss@example.org" };

static struct xfer_request *
mail_to(const struct puppet *puppet)
{
	struct xfer_request *request = xfer_request_new(XFER_SMTP);

	buf_printf(&request->url, "smtp://127.0.0.1:%u", puppet->port);
	buf_puts(&request->body, "Subject: drift\r\n\r\nText\r\n.dot\r\n");
	request->smtp.from = "tocsin@example.org";
	request->smtp.to = boss;
	request->smtp.n_to = 1;
	request->smtp.helo = "here.example";
	request->timeout = DUR_S(60);
	return request;
}

START_TEST(a_reply_code_is_the_status_and_silence_a_failure)
{
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;
	const char *label = dialogues[_i].label;

	world_open(&world);
	puppet_open(&puppet, &world, dialogues[_i].lines);
	request = mail_to(&puppet);
	request->smtp.require_tls = dialogues[_i].require_tls;
	if (dialogues[_i].failure == ERR_TIMEOUT)
		request->timeout = DUR_MS(1500); /* not before the silence */
	perform(&world, request, &outcome);
	ck_assert_msg(outcome.response.failure == dialogues[_i].failure,
	    "%s: %s (%s)", label, err_code_name(outcome.response.failure),
	    outcome.response.failure_text);
	if (dialogues[_i].status != ANY)
		ck_assert_msg(outcome.response.status == dialogues[_i].status,
		    "%s: %d", label, outcome.response.status);
	ck_assert_msg(
	    outcome.response.maybe_received == dialogues[_i].maybe_received,
	    "%s: %d", label, outcome.response.maybe_received);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(the_mail_arrives_whole_with_its_envelope)
{
	static const struct line lines[] = { GREETING, HELLO, SENDER, RECIPIENT,
		RECIPIENT, DATA, { DOT, "250 queued as 7\r\n", STAY }, BYE,
		{ 0 } };
	static const char *const two[] = { "a@example.org", "b@example.org" };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = mail_to(&puppet);
	request->smtp.to = two;
	request->smtp.n_to = 2;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_NONE);
	ck_assert_str_eq(outcome.body, "250 queued as 7");
	ck_assert_ptr_nonnull(strstr(puppet.seen.p, "EHLO here.example\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(puppet.seen.p, "MAIL FROM:<tocsin@example.org>"));
	ck_assert_ptr_nonnull(
	    strstr(puppet.seen.p, "RCPT TO:<a@example.org>\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(puppet.seen.p, "RCPT TO:<b@example.org>\r\n"));
	ck_assert_ptr_nonnull(strstr(
	    puppet.seen.p, "Subject: drift\r\n\r\nText\r\n..dot\r\n.\r\n"));
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(one_refused_recipient_of_two_refuses_the_mail)
{
	static const struct line lines[] = { GREETING, HELLO, SENDER, RECIPIENT,
		{ "RCPT TO:", "550 unknown\r\n", STAY }, BYE, { 0 } };
	static const char *const two[] = { "a@example.org", "b@example.org" };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = mail_to(&puppet);
	request->smtp.to = two;
	request->smtp.n_to = 2;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.status, 550);
	ck_assert_ptr_null(strstr(puppet.seen.p, "DATA"));
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(a_wrong_password_is_a_status_and_is_not_shown)
{
	static const struct line lines[] = { GREETING,
		{ "EHLO", "250-mail.test\r\n250 AUTH PLAIN\r\n", STAY },
		{ "AUTH PLAIN", "535 5.7.8 wrong\r\n", STAY }, BYE, { 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = mail_to(&puppet);
	request->smtp.username = "user";
	request->smtp.password.value = "hunter2";
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_NONE);
	ck_assert_int_eq(outcome.response.status, 535);
	ck_assert_ptr_null(strstr(outcome.response.failure_text, "hunter2"));
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(a_login_may_act_for_somebody_else)
{
	/* "boss", NUL, "user", NUL, "pw" */
	static const struct line lines[] = { GREETING,
		{ "EHLO", "250-mail.test\r\n250 AUTH PLAIN\r\n", STAY },
		{ "AUTH PLAIN", "334 \r\n", STAY },
		{ "Ym9zcwB1c2VyAHB3\r\n", "535 5.7.8 no\r\n", STAY }, BYE,
		{ 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = mail_to(&puppet);
	request->smtp.username = "user";
	request->smtp.password.value = "pw";
	request->smtp.identity = "boss";
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.status, 535);
	ck_assert_ptr_nonnull(strstr(puppet.seen.p, "Ym9zcwB1c2VyAHB3"));
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

/* clang-format off */
static const char *const bad_addresses[] = {
	"a@b\r\nRCPT TO:<evil@example.org>", "a b@example.org", "<a@b>",
};
/* clang-format on */

START_TEST(an_address_that_is_none_never_reaches_the_wire)
{
	static const struct line lines[] = { GREETING, { 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = mail_to(&puppet);
	request->smtp.to = &bad_addresses[_i];
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_INVALID);
	ck_assert(!outcome.response.maybe_received);
	ck_assert_uint_eq(puppet.accepted, 0);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(a_mail_under_way_can_be_cancelled_and_freed)
{
	static const struct line lines[] = { GREETING, { 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome cancelled, freed;
	struct xfer_request *request;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = mail_to(&puppet);
	submit(&world, request, &cancelled);
	submit(&world, mail_to(&puppet), &freed);
	DRIVE_UNTIL(&world, puppet.accepted == 2);
	xfer_cancel(world.xfer, request);
	DRIVE_UNTIL(&world, cancelled.times == 1);
	ck_assert_int_eq(cancelled.response.failure, ERR_CANCELLED);
	ck_assert(!cancelled.response.maybe_received);
	ck_assert_uint_eq(freed.times, 0);
	puppet_close(&puppet);
	world_close(&world);
	ck_assert_uint_eq(cancelled.times, 1);
	ck_assert_uint_eq(freed.times, 1);
}
END_TEST

Suite *
suite_mail(void)
{
	Suite *suite = suite_create("net mail");
	TCase *tcase = tcase_create("mail");

	tcase_add_loop_test(tcase,
	    a_reply_code_is_the_status_and_silence_a_failure, 0,
	    (int)ARRAY_LEN(dialogues));
	tcase_add_test(tcase, the_mail_arrives_whole_with_its_envelope);
	tcase_add_test(tcase, a_login_may_act_for_somebody_else);
	tcase_add_test(tcase, one_refused_recipient_of_two_refuses_the_mail);
	tcase_add_test(tcase, a_wrong_password_is_a_status_and_is_not_shown);
	tcase_add_loop_test(tcase,
	    an_address_that_is_none_never_reaches_the_wire, 0,
	    (int)ARRAY_LEN(bad_addresses));
	tcase_add_test(tcase, a_mail_under_way_can_be_cancelled_and_freed);
	suite_add_tcase(suite, tcase);
	return suite;
}
