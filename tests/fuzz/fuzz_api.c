/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: requests to the HTTP interface over all real rooms (api/,
 * route/, rule/, notify/, store/, labels/) on a virtual loop, the database in a
 * directory of its own under TMPDIR.
 *
 * One rule fires all the time.  Each line of the input is a request, "METHOD
 * /path?query body", or the seconds that pass, "+300", or a crash and a new
 * start, "!".  Beyond not crashing: every request is answered, never with 500,
 * and what is called JSON is JSON; a new start keeps every alert and silence;
 * nothing stays interned at the end.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "fuzz.h"
#include "labels/labels.h"
#include "unit/api/world.h"

#define LINES_MAX 12
#define SECONDS_MAX (48 * 3600)

static const char rules[] = "groups:\n"
			    "- name: g\n"
			    "  interval: 1h\n"
			    "  rules:\n"
			    "  - alert: Rule\n"
			    "    expr: up == 0\n"
			    "    labels: {severity: warning}\n"
			    "    annotations: {summary: '{{ $labels.job }} {{ $value }}'}\n";

static const char vector[] =
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
    "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"value\":[1700000000,\"0\"]}]}}";

static void
check_answer(struct http_call *call)
{
	const char *type = http_call_answer_header(call, "Content-Type");
	struct str body = http_call_answer(call), span;
	struct json_reader r;

	if (http_call_status(call) < 200 || http_call_status(call) == 500 ||
	    http_call_status(call) > 599)
		abort();
	if (type == NULL || strncmp(type, "application/json", 16) != 0 || body.n == 0)
		return;
	json_reader_init(&r, body);
	if (!json_read_span(&r, &span) || !json_finish(&r) || !str_is_utf8(body))
		abort();
}

static void
request(const char *method, const char *path, const char *body)
{
	struct http_call *call = ask_only(method, path, body);

	for (int i = 0; http_call_status(call) == 0 && i < 20; i++)
		(void)loop_turn(w.loop, DUR_MS(0));
	if (http_call_status(call) == 0)
		world_advance(DUR_S(60)); /* it asks somebody else */
	check_answer(call);
}

static uint32_t
count(const char *path, const char *mark)
{
	uint32_t n = 0;

	request("GET", path, NULL);
	for (const char *p = said(); (p = strstr(p, mark)) != NULL; p++)
		n++;
	return n;
}

/* Its rooms cannot go while a query is under way. */
static void
settle(void)
{
	while (!engine_idle(w.state.engine))
		world_advance(DUR_MS(10));
}

static void
restart(void)
{
	uint32_t alerts, silences;

	settle();
	alerts = count("/api/v2/alerts", "\"fingerprint\":\"");
	silences = count("/api/v2/silences", "\"createdBy\":\"");
	world_restart();
	if (count("/api/v2/alerts", "\"fingerprint\":\"") != alerts ||
	    count("/api/v2/silences", "\"createdBy\":\"") != silences)
		abort();
}

static void
run_line(char *line)
{
	char *path = strchr(line, ' '), *body = NULL;
	int64_t seconds;

	if (strcmp(line, "!") == 0) {
		restart();
	} else if (line[0] == '+') {
		if (str_to_i64(str_from(line + 1), &seconds) && seconds > 0 &&
		    seconds < SECONDS_MAX)
			world_advance(DUR_S(seconds));
	} else if (path != NULL && path != line && path[1] == '/') {
		*path++ = '\0';
		body = strchr(path, ' ');
		if (body != NULL)
			*body++ = '\0';
		request(line, path, body);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line = text;

	if (text == NULL)
		abort();
	log_configure((enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	memcpy(text, data, size);
	text[size] = '\0';
	world_open_with_rules(rules);
	w.vector = vector;
	for (int i = 0; i < LINES_MAX && line != NULL; i++) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		run_line(line);
		line = end;
	}
	settle();
	world_close();
	free(text);
	if (labels_live() != 0 || istr_live() != 0)
		abort();
	return 0;
}
