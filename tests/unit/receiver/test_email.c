/* SPDX-License-Identifier: Apache-2.0 */
/* Mail: the whole message, who it goes to, and the server's answers. */
#include "config.h"

#include <stdio.h>

#include "receiver/email_text.h"
#include "receiver/types.h"
#include "world.h"

#define BASE                                                                                       \
	"to: 'oncall@x.example, ML Team <ml@y.example>'\n"                                         \
	"from: Tocsin <tocsin@x.example>\nsmarthost: mail.x.example:587\n"

static struct rendered
mail_of(struct story *s, const char *yaml)
{
	struct rendered r = render(s, &receiver_email, settings_read(s, &receiver_email, yaml));

	ck_assert_msg(r.rc == 0, "%s", r.err.text);
	ck_assert_int_eq(r.request.kind, XFER_SMTP);
	return r;
}

/* The part of that type, decoded; empty when there is none. */
static struct str
part_of(struct story *s, const struct rendered *r, const char *type)
{
	const char *head = strstr(
	    r->request.body.p, arena_printf(s->arena, "Content-Type: %s; charset=utf-8\r\n", type));
	const char *from, *end;
	struct buf text = { 0 };
	struct str copy;

	if (head == NULL)
		return STR("");
	from = strstr(head, "\r\n\r\n") + 4;
	end = strstr(from, "--=_tocsin_");
	decode_qp(str_make(from, (size_t)(end - from)), &text);
	copy = arena_str(s->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

static struct str
head_of(const struct rendered *r)
{
	return str_make(r->request.body.p,
	    (size_t)(strstr(r->request.body.p, "\r\n\r\n") + 2 - r->request.body.p));
}

/* The header's text, unfolded; NULL when it is absent. */
static const char *
header_of(struct story *s, const struct rendered *r, const char *name)
{
	const char *line = strstr(r->request.body.p, arena_printf(s->arena, "\r\n%s: ", name));
	struct buf text = { 0 };
	const char *copy;

	if (str_starts(buf_str(&r->request.body), str_from(arena_printf(s->arena, "%s: ", name))))
		line = r->request.body.p - 2;
	if (line == NULL || line > head_of(r).p + head_of(r).n)
		return NULL;
	for (line += 2 + strlen(name) + 2; line[0] != '\r' || line[2] == ' '; line++)
		if (line[0] != '\r' && line[0] != '\n')
			buf_putc(&text, line[0]);
	copy = arena_str(s->arena, buf_str(&text)).p;
	buf_fini(&text);
	return copy != NULL ? copy : "";
}

START_TEST(message_is_as_agreed)
{
	struct story s = story_load(story_names[_i]);
	struct rendered r = mail_of(&s, BASE);

	check_lines(buf_str(&r.request.body), 998);
	same_as_golden(s.arena, arena_printf(s.arena, "%s.email.eml", story_names[_i]),
	    buf_str(&r.request.body));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(parts_read_back_text_before_html)
{
	struct story s = story_load(story_names[_i]);
	struct rendered r = mail_of(&s, BASE);
	struct buf want = { 0 }, got = { 0 };
	struct str part = part_of(&s, &r, "text/plain");

	/* Line ends are CRLF on the way. */
	email_put_text(&s.n, &want);
	for (uint32_t i = 0; i < part.n; i++)
		if (part.p[i] != '\r')
			buf_putc(&got, part.p[i]);
	ck_assert_str_eq(got.p, want.p);
	buf_clear(&want);
	buf_clear(&got);
	email_put_html(&s.n, &want);
	part = part_of(&s, &r, "text/html");
	for (uint32_t i = 0; i < part.n; i++)
		if (part.p[i] != '\r')
			buf_putc(&got, part.p[i]);
	ck_assert_str_eq(got.p, want.p);
	ck_assert(strstr(r.request.body.p, "text/plain") < strstr(r.request.body.p, "text/html"));
	ck_assert_str_eq(r.request.body.p + r.request.body.n - 4, "--\r\n");
	buf_fini(&want);
	buf_fini(&got);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(both_parts_have_severity_and_runbook)
{
	struct story s = story_load("one");
	struct rendered r = mail_of(&s, BASE);

	ck_assert_ptr_nonnull(strstr(part_of(&s, &r, "text/plain").p, "critical"));
	ck_assert_ptr_nonnull(strstr(
	    part_of(&s, &r, "text/plain").p, "https://runbooks.example/latency-high?a=1&b=2"));
	ck_assert_ptr_nonnull(strstr(part_of(&s, &r, "text/html").p, "critical"));
	ck_assert_ptr_nonnull(strstr(part_of(&s, &r, "text/html").p,
	    "<a href=\"https://runbooks.example/latency-high?a=1&amp;b=2\">"));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(html_holds_no_markup_of_an_alert)
{
	struct story s = story_load("unicode");
	struct rendered r = mail_of(&s, BASE);
	struct str html = part_of(&s, &r, "text/html");

	ck_assert_ptr_null(strstr(html.p, "<script"));
	ck_assert_ptr_null(strstr(html.p, "<b>1"));
	ck_assert_ptr_null(strstr(html.p, "rank<er>"));
	ck_assert_ptr_null(strstr(html.p, "href=\"javascript"));
	ck_assert_ptr_nonnull(strstr(html.p, "&lt;script&gt;"));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(identity_is_stable_over_tries_and_new_for_each_delivery)
{
	struct story s = story_load("one");
	struct rendered a = mail_of(&s, BASE), b = mail_of(&s, BASE), c;
	const char *id = header_of(&s, &a, "Message-ID");

	ck_assert(str_eq(buf_str(&a.request.body), buf_str(&b.request.body)));
	ck_assert(str_starts(str_from(id), STR("<tocsin.17.")));
	ck_assert(str_ends(str_from(id), STR(".1795154730@x.example>")));
	s.n.delivery_id = 18;
	c = mail_of(&s, BASE);
	ck_assert_str_ne(header_of(&s, &c, "Message-ID"), id);
	rendered_free(&c);
	s.n.delivery_id = 17;
	s.n.now = wall_add(s.n.now, DUR_S(60));
	c = mail_of(&s, BASE);
	ck_assert_str_ne(header_of(&s, &c, "Message-ID"), id);
	rendered_free(&c);
	s.n.group_key = STR("another");
	s.n.now = wall_sub(s.n.now, DUR_S(60));
	c = mail_of(&s, BASE);
	ck_assert_str_ne(header_of(&s, &c, "Message-ID"), id);
	rendered_free(&a);
	rendered_free(&b);
	rendered_free(&c);
	story_free(&s);
}
END_TEST

START_TEST(mails_of_a_group_form_a_thread)
{
	struct story s = story_load("one");
	const void *settings = settings_read(&s, &receiver_email, BASE);
	struct rendered first = mail_of(&s, BASE), second;
	struct xfer_response taken = answer(250, "250 2.0.0 queued");
	struct verdict verdict = receiver_email.classify(settings, &s.n, &taken);
	const char *root = header_of(&s, &first, "References");

	ck_assert_str_eq(verdict.thread, header_of(&s, &first, "Message-ID"));
	ck_assert(str_starts(str_from(root), STR("<tocsin.group.")));
	ck_assert_ptr_null(header_of(&s, &first, "In-Reply-To"));
	s.n.thread = str_from(verdict.thread);
	s.n.delivery_id = 18;
	second = mail_of(&s, BASE);
	ck_assert_str_eq(header_of(&s, &second, "In-Reply-To"), verdict.thread);
	ck_assert_str_eq(header_of(&s, &second, "References"),
	    arena_printf(s.arena, "%s %s", root, verdict.thread));
	/* The first mail stays the head of the thread. */
	verdict = receiver_email.classify(settings, &s.n, &taken);
	ck_assert(str_eq(str_from(verdict.thread), s.n.thread));
	rendered_free(&first);
	rendered_free(&second);
	story_free(&s);
}
END_TEST

START_TEST(threads_are_as_configured)
{
	static const struct {
		const char *yaml;
		bool any, daily;
	} rows[] = {
		{ "", true, false },
		{ "threading: {enabled: true}\n", true, false },
		{ "threading: {enabled: false}\n", false, false },
		{ "threading: {enabled: true, thread_by_date: daily}\n", true, true },
	};
	struct story s = story_load("one");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const void *settings = settings_read(&s, &receiver_email,
		    arena_printf(s.arena,
			"to: a@example.org\nfrom: b@example.org\nsmarthost: 'h:25'\n%s",
			rows[i].yaml));
		struct rendered today = render(&s, &receiver_email, settings), later;
		const char *root = header_of(&s, &today, "References");

		ck_assert_int_eq(root != NULL, rows[i].any);
		ck_assert_int_eq(header_of(&s, &today, "In-Reply-To") != NULL, rows[i].daily);
		s.n.now = wall_add(s.n.now, DUR_S(86400));
		later = render(&s, &receiver_email, settings);
		if (rows[i].any)
			ck_assert_int_eq(
			    strcmp(root, header_of(&s, &later, "References")) == 0, !rows[i].daily);
		rendered_free(&today);
		rendered_free(&later);
	}
	story_free(&s);
}
END_TEST

START_TEST(a_long_domain_fits_into_the_thread)
{
	struct story s = story_make(1, "alertname=Test", "");
	const char *yaml = "to: a@b\nsmarthost: h:25\nfrom: t@"
			   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
			   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.example";
	struct xfer_response taken = answer(250, "");
	struct verdict verdict;
	struct rendered r;

	s.n.delivery_id = INT64_MAX;
	r = mail_of(&s, yaml);
	verdict = receiver_email.classify(settings_read(&s, &receiver_email, yaml), &s.n, &taken);
	ck_assert_str_eq(verdict.thread, header_of(&s, &r, "Message-ID"));
	ck_assert_int_eq(verdict.thread[strlen(verdict.thread) - 1], '>');
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(headers_mark_a_machines_mail)
{
	struct story s = story_load("one");
	struct rendered r = mail_of(&s, BASE);

	ck_assert_str_eq(header_of(&s, &r, "Auto-Submitted"), "auto-generated");
	ck_assert_str_eq(header_of(&s, &r, "X-Auto-Response-Suppress"), "All");
	ck_assert_str_eq(header_of(&s, &r, "Precedence"), "bulk");
	ck_assert_str_eq(header_of(&s, &r, "Date"), "Fri, 20 Nov 2026 06:05:30 +0000");
	ck_assert_str_eq(header_of(&s, &r, "MIME-Version"), "1.0");
	ck_assert_str_eq(header_of(&s, &r, "From"), "Tocsin <tocsin@x.example>");
	ck_assert_str_eq(header_of(&s, &r, "To"), "oncall@x.example, ML Team <ml@y.example>");
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(no_alert_can_add_a_header)
{
	struct story s = story_load("unicode");
	struct rendered r = mail_of(&s, BASE "headers: {X-Nl: 'a{{ .CommonLabels.nl }}b', subject: "
					     "'{{ .CommonAnnotations.summary }}'}\n");

	ck_assert_ptr_null(header_of(&s, &r, "Bcc"));
	ck_assert_ptr_null(header_of(&s, &r, "X-Evil"));
	ck_assert_ptr_null(strstr(r.request.body.p, "\nBcc"));
	ck_assert_str_eq(header_of(&s, &r, "X-Nl"), "ax  Bcc: evil@example.org  <p>b");
	ck_assert_ptr_null(header_of(&s, &r, "Subject"));
	ck_assert_ptr_nonnull(header_of(&s, &r, "subject"));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(an_alert_in_the_recipients_is_refused_not_obeyed)
{
	struct story s = story_make(1, "alertname=Test team=x@y>,<evil@z", "");
	const void *settings = settings_read(
	    &s, &receiver_email, "to: '<{{ .CommonLabels.team }}'\nfrom: a@b\nsmarthost: h:25");
	struct rendered r = render(&s, &receiver_email, settings);

	ck_assert_int_eq(r.rc, -ERR_INVALID);
	rendered_free(&r);
	settings = settings_read(
	    &s, &receiver_email, "to: '{{ .CommonLabels.nobody }}'\nfrom: a@b\nsmarthost: h:25");
	r = render(&s, &receiver_email, settings);
	ck_assert_int_eq(r.rc, -ERR_INVALID);
	ck_assert_str_eq(r.err.text, "'to': no mail address");
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(given_headers_replace_ours_but_not_the_structure)
{
	struct story s = story_load("one");
	struct rendered r =
	    mail_of(&s, BASE "headers: {Subject: 'S {{ .Status }}', To: 'list@x.example',"
			     " Reply-To: 'Jörg <j@x.example>', Precedence: list,"
			     " Message-Id: fixed}\n");

	ck_assert_str_eq(header_of(&s, &r, "Subject"), "S firing");
	ck_assert_str_eq(header_of(&s, &r, "To"), "list@x.example");
	ck_assert_str_eq(header_of(&s, &r, "Reply-To"), "=?utf-8?q?J=C3=B6rg?= <j@x.example>");
	ck_assert_str_eq(header_of(&s, &r, "Precedence"), "list");
	ck_assert_ptr_null(header_of(&s, &r, "Message-Id"));
	ck_assert_ptr_nonnull(header_of(&s, &r, "Message-ID"));
	/* The envelope is still that of 'to'. */
	ck_assert_uint_eq(r.request.smtp.n_to, 2);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(envelope_and_server)
{
	struct story s = story_load("one");
	struct rendered r =
	    mail_of(&s, BASE "hello: me.example\nauth_username: u\nauth_password: p\n"
			     "tls_config: {server_name: n}\n");
	const struct smtp_envelope *mail = &r.request.smtp;

	ck_assert_str_eq(r.request.url.p, "smtp://mail.x.example:587");
	ck_assert_str_eq(mail->from, "tocsin@x.example");
	ck_assert_uint_eq(mail->n_to, 2);
	ck_assert_str_eq(mail->to[0], "oncall@x.example");
	ck_assert_str_eq(mail->to[1], "ml@y.example");
	ck_assert_str_eq(mail->helo, "me.example");
	ck_assert_str_eq(mail->username, "u");
	ck_assert_str_eq(mail->password.value, "p");
	ck_assert_str_eq(mail->tls.server_name, "n");
	ck_assert(mail->require_tls);
	rendered_free(&r);
	r = mail_of(&s, BASE "require_tls: false\nauth_secret: z\n"
			     "auth_username: u\nauth_identity: u\n");
	ck_assert(!r.request.smtp.require_tls);
	ck_assert_str_eq(r.request.smtp.password.value, "z");
	ck_assert_ptr_null(r.request.smtp.identity);
	rendered_free(&r);
	r = mail_of(&s, BASE "auth_secret: z\nauth_username: u\nauth_identity: boss\n");
	ck_assert_str_eq(r.request.smtp.identity, "boss");
	rendered_free(&r);
	r = mail_of(&s, BASE);
	ck_assert_ptr_null(r.request.smtp.username);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

static const struct {
	const char *server, *url;
} servers[] = {
	{ "smarthost: h.example:25", "smtp://h.example:25" },
	{ "smarthost: h.example:465", "smtps://h.example:465" },
	{ "smarthost: '[::1]:465'", "smtps://[::1]:465" },
	{ "smarthost: h:2525\nforce_implicit_tls: true", "smtps://h:2525" },
	{ "smarthost: h:465\nforce_implicit_tls: false", "smtp://h:465" },
};

START_TEST(global_says_so_where_the_receiver_does_not)
{
	static const struct {
		enum flag global;
		const char *yaml, *url;
	} cases[] = {
		{ FLAG_TRUE, "smarthost: h:25", "smtps://h:25" },
		{ FLAG_FALSE, "smarthost: h:465", "smtp://h:465" },
		{ FLAG_TRUE, "smarthost: h:25\nforce_implicit_tls: false", "smtp://h:25" },
	};
	struct story s = story_load("one");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rendered r;

		s.global.smtp_force_implicit_tls = cases[i].global;
		r = mail_of(&s, arena_printf(s.arena, "to: a@b\nfrom: c@d\n%s", cases[i].yaml));
		ck_assert_str_eq(r.request.url.p, cases[i].url);
		rendered_free(&r);
	}
	story_free(&s);
}
END_TEST

START_TEST(port_465_speaks_tls_from_the_start)
{
	char yaml[200];
	struct story s = story_load("one");
	struct rendered r;

	snprintf(yaml, sizeof(yaml), "to: a@b\nfrom: c@d\n%s", servers[_i].server);
	r = mail_of(&s, yaml);
	ck_assert_str_eq(r.request.url.p, servers[_i].url);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(own_texts_replace_ours)
{
	struct story s = story_load("unicode");
	struct rendered r =
	    mail_of(&s, BASE "html: '<p>{{ .CommonLabels.model }}</p>'\ntext: ''\n");

	ck_assert_str_eq(
	    part_of(&s, &r, "text/html").p, "<p>rank&lt;er&gt;&amp;Co `x` |*_~</p>\r\n");
	ck_assert_str_eq(part_of(&s, &r, "text/plain").p, "");
	rendered_free(&r);
	r = mail_of(&s, BASE "html: ''\ntext: 'm {{ .CommonLabels.model }}'\n");
	ck_assert_str_eq(part_of(&s, &r, "text/plain").p, "m rank<er>&Co `x` |*_~\r\n");
	ck_assert_str_eq(part_of(&s, &r, "text/html").p, "");
	rendered_free(&r);
	/* Nothing at all is not what a mail can say. */
	r = mail_of(&s, BASE "html: ''\ntext: ''\n");
	ck_assert_ptr_nonnull(strstr(part_of(&s, &r, "text/plain").p, "warning"));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(fifty_alerts_are_shown_and_the_rest_counted)
{
	struct story s = story_make(120, "n=#", "summary=s#.");
	struct rendered r = mail_of(&s, BASE);
	struct str text = part_of(&s, &r, "text/plain");

	ck_assert_ptr_nonnull(strstr(text.p, "s49."));
	ck_assert_ptr_null(strstr(text.p, "s50."));
	ck_assert_ptr_nonnull(strstr(text.p, "and 70 more"));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

static const struct {
	int status;
	enum err_code failure;
	const char *body;
	enum delivery_kind want;
	const char *text;
} answers[] = {
	{ 250, ERR_NONE, "250 2.0.0 queued", DELIVERY_OK, "status 250: 2.0.0 queued" },
	{ 221, ERR_NONE, "", DELIVERY_OK, "status 221" },
	{ 421, ERR_NONE, "421 busy", DELIVERY_RETRY, "status 421: busy" },
	{ 451, ERR_NONE, "451 4.7.1 greylisted", DELIVERY_RETRY, "status 451: 4.7.1 greylisted" },
	{ 535, ERR_NONE, "535 5.7.8 no", DELIVERY_REJECTED, "status 535: 5.7.8 no" },
	{ 550, ERR_NONE, "550-5.7.1 never", DELIVERY_REJECTED, "status 550: -5.7.1 never" },
	{ 0, ERR_TIMEOUT, "timed out", DELIVERY_RETRY, "timed out" },
	{ 0, ERR_IO, "TLS was required but not offered", DELIVERY_RETRY,
	    "TLS was required but not offered" },
	{ 0, ERR_INVALID, "SMTP password: x", DELIVERY_REJECTED, "SMTP password: x" },
};

START_TEST(what_the_answer_means)
{
	struct story s = story_load("one");
	struct xfer_response response = answers[_i].failure == ERR_NONE
					    ? answer(answers[_i].status, answers[_i].body)
					    : no_answer(answers[_i].failure, answers[_i].body);
	struct verdict verdict =
	    receiver_email.classify(settings_read(&s, &receiver_email, BASE), &s.n, &response);

	ck_assert_int_eq(verdict.kind, answers[_i].want);
	ck_assert_str_eq(verdict.text, answers[_i].text);
	ck_assert_int_eq(verdict.thread[0] != '\0', answers[_i].want == DELIVERY_OK);
	story_free(&s);
}
END_TEST

static const struct {
	const char *yaml, *want;
} complaints[] = {
	{ "from: a@b\nsmarthost: h:25", "missing key 'to'" },
	{ "to: a@b\nsmarthost: h:25", "no sender: give from or global.smtp_from" },
	{ "to: a@b\nfrom: a@b", "no mail server: give smarthost or global.smtp_smarthost" },
	{ "to: a@b\nfrom: a@b\nsmarthost: h", "not of the form host:port" },
	{ "to: a@b\nfrom: a@b\nsmarthost: h:0", "not of the form host:port" },
	{ "to: a@b\nfrom: a@b\nsmarthost: ':25'", "not of the form host:port" },
	{ "to: a@b\nfrom: a@b\nsmarthost: '::1:25'", "not of the form host:port" },
	{ "to: a@b\nfrom: a@b\nsmarthost: 'u@h/x:25'", "not of the form host:port" },
	{ "to: nobody\nfrom: a@b\nsmarthost: h:25", "'to': 'nobody' is no mail address" },
	{ "to: a@b\nfrom: x\nsmarthost: h:25", "'from': 'x' is no mail address" },
	{ BASE "headers: {X-A: a, x-a: b}", "is given twice" },
	{ BASE "headers: {'X A': a}", "cannot be the name of a header" },
	{ BASE "headers: {date: a}", "is made by Tocsin" },
	{ BASE "require_tls: 'false'", "expected true or false" },
	{ BASE "auth_password: a\nauth_password_file: b", "only one of" },
};

START_TEST(mistakes_are_named)
{
	struct story s = story_load("one");
	const char *text = settings_complaint(&s, &receiver_email, complaints[_i].yaml);

	ck_assert_msg(strstr(text, complaints[_i].want) != NULL, "%s", text);
	story_free(&s);
}
END_TEST

START_TEST(threading_is_accepted_and_resolved_not_sent_by_default)
{
	struct story s = story_load("one");
	const struct integration_common *common = settings_read(
	    &s, &receiver_email, BASE "threading: {enabled: true, thread_by_date: daily}\n");

	ck_assert(!common->send_resolved);
	story_free(&s);
}
END_TEST

TCase *
case_email(void)
{
	TCase *tcase = tcase_create("email");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	tcase_add_loop_test(tcase, message_is_as_agreed, 0, STORIES);
	tcase_add_loop_test(tcase, parts_read_back_text_before_html, 0, STORIES);
	tcase_add_test(tcase, threads_are_as_configured);
	tcase_add_test(tcase, both_parts_have_severity_and_runbook);
	tcase_add_test(tcase, html_holds_no_markup_of_an_alert);
	tcase_add_test(tcase, identity_is_stable_over_tries_and_new_for_each_delivery);
	tcase_add_test(tcase, mails_of_a_group_form_a_thread);
	tcase_add_test(tcase, a_long_domain_fits_into_the_thread);
	tcase_add_test(tcase, headers_mark_a_machines_mail);
	tcase_add_test(tcase, no_alert_can_add_a_header);
	tcase_add_test(tcase, an_alert_in_the_recipients_is_refused_not_obeyed);
	tcase_add_test(tcase, given_headers_replace_ours_but_not_the_structure);
	tcase_add_test(tcase, envelope_and_server);
	tcase_add_test(tcase, global_says_so_where_the_receiver_does_not);
	TABLE(port_465_speaks_tls_from_the_start, servers);
	tcase_add_test(tcase, own_texts_replace_ours);
	tcase_add_test(tcase, fifty_alerts_are_shown_and_the_rest_counted);
	TABLE(what_the_answer_means, answers);
	TABLE(mistakes_are_named, complaints);
	tcase_add_test(tcase, threading_is_accepted_and_resolved_not_sent_by_default);
	return tcase;
}
