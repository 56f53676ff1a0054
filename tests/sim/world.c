/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world around the program: sources answer what the story says, receivers
 * keep what they are told, and both misbehave on request.
 *
 * A source NAME is http://source/NAME, a receiver NAME http://receiver/NAME.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "sim.h"

#define SOURCE_URL   "http://source/"
#define RECEIVER_URL "http://receiver/"
/* Shorter than any timeout of a source or receiver in the configurations. */
#define LATENCY_MAX DUR_S(10)

void
world_init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->notices_end = &world->notices;
	world->bodies = arena_new(0);
}

void
world_clear_answer(struct answer *answer)
{
	for (uint32_t i = 0; i < answer->n; i++)
		json_object_put(answer->series[i].labels);
	answer->n = 0;
}

void
world_fini(struct world *world)
{
	for (uint32_t i = 0; i < world->n_answers; i++) {
		world_clear_answer(&world->answers[i]);
		free(world->answers[i].query);
	}
	for (struct notice *notice = world->notices, *next; notice != NULL; notice = next) {
		next = notice->next;
		json_object_put(notice->body);
		free(notice->alerts);
		free(notice->group_key);
		free(notice);
	}
	map_fini(&world->last);
	arena_free(world->bodies);
}

static struct peer *
find_peer(struct peer *peers, uint32_t *n, uint32_t max, const char *name)
{
	for (uint32_t i = 0; i < *n; i++)
		if (strcmp(peers[i].name, name) == 0)
			return &peers[i];
	if (*n == max)
		abort();
	snprintf(peers[*n].name, sizeof(peers[*n].name), "%s", name);
	return &peers[(*n)++];
}

struct peer *
world_source(struct world *world, const char *name)
{
	return find_peer(world->sources, &world->n_sources, WORLD_SOURCES_MAX, name);
}

struct peer *
world_receiver(struct world *world, const char *name)
{
	return find_peer(world->receivers, &world->n_receivers, WORLD_RECEIVERS_MAX, name);
}

struct answer *
world_answer(struct world *world, const char *source, const char *query)
{
	for (uint32_t i = 0; i < world->n_answers; i++)
		if (strcmp(world->answers[i].source, source) == 0 &&
		    strcmp(world->answers[i].query, query) == 0)
			return &world->answers[i];
	if (world->n_answers == WORLD_ANSWERS_MAX)
		abort();

	struct answer *answer = &world->answers[world->n_answers++];

	snprintf(answer->source, sizeof(answer->source), "%s", source);
	answer->query = xstrdup(query);
	return answer;
}

void
world_heal(struct world *world)
{
	for (uint32_t i = 0; i < world->n_sources; i++) {
		world->sources[i].conduct = CONDUCT_OK;
		world->sources[i].latency = DUR_S(0);
	}
	for (uint32_t i = 0; i < world->n_receivers; i++) {
		world->receivers[i].conduct = CONDUCT_OK;
		world->receivers[i].latency = DUR_S(0);
	}
}

bool
labels_json_has(json_object *have, json_object *want)
{
	json_object_object_foreach(want, name, value)
	{
		json_object *other;

		if (!json_object_object_get_ex(have, name, &other) ||
		    strcmp(json_object_get_string(value), json_object_get_string(other)) != 0)
			return false;
	}
	return true;
}

bool
labels_json_equal(json_object *a, json_object *b)
{
	return json_object_object_length(a) == json_object_object_length(b) &&
	       labels_json_has(a, b);
}

/* --- requests, taken apart -------------------------------------------------- */

static int
hex(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* A form parameter, decoded. */
static bool
form_value(struct str form, const char *name, struct buf *out)
{
	size_t length = strlen(name);
	const char *p = form.p, *end = form.p + form.n;

	while (p < end && (strncmp(p, name, length) != 0 || p[length] != '=')) {
		p = memchr(p, '&', (size_t)(end - p));
		if (p == NULL)
			return false;
		p++;
	}
	for (p += length + 1; p < end && *p != '&'; p++) {
		if (*p == '%' && end - p > 2) {
			buf_putc(out, (char)(hex(p[1]) * 16 + hex(p[2])));
			p += 2;
		} else {
			buf_putc(out, *p == '+' ? ' ' : *p);
		}
	}
	return true;
}

static void
name_from_url(const struct xfer_request *request, size_t skip, char out[32])
{
	const char *p = request->url.p + skip;

	snprintf(out, 32, "%.*s", (int)strcspn(p, "/?"), p);
}

/* --- sources ----------------------------------------------------------------- */

static void
put_vector(struct buf *out, const struct answer *answer, const char *time, bool partial)
{
	buf_puts(out, "{\"status\":\"success\",");
	if (partial)
		buf_puts(out, "\"warnings\":[\"a shard is missing\"],");
	buf_puts(out, "\"data\":{\"resultType\":\"vector\",\"result\":[");
	for (uint32_t i = 0; i < answer->n; i++) {
		buf_printf(out, "%s{\"metric\":%s,\"value\":[", i > 0 ? "," : "",
		    json_object_to_json_string_ext(
			answer->series[i].labels, JSON_C_TO_STRING_PLAIN));
		if (wall_is_set(answer->series[i].at))
			buf_printf(out, "%.3f", wall_seconds(answer->series[i].at));
		else
			buf_puts(out, time);
		buf_puts(out, ",\"");
		put_prom_double(out, answer->series[i].value);
		buf_puts(out, "\"]}");
	}
	buf_puts(out, "]}}");
}

/* The same at the same time, whenever it is asked: from -1 to 1. */
static double
swing_at(int64_t s)
{
	return (double)((uint64_t)s * 2654435761u / 30 % 2001) / 1000 - 1;
}

/* What query_range says: a point at each step. */
static void
put_matrix(struct buf *out, const struct answer *answer, int64_t from, int64_t to, int64_t step)
{
	bool first = true;

	buf_puts(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
	for (uint32_t i = 0; i < answer->n; i++) {
		const struct series *series = &answer->series[i];

		if (!series->has_past)
			continue;
		buf_printf(out, "%s{\"metric\":%s,\"values\":[", first ? "" : ",",
		    json_object_to_json_string_ext(series->labels, JSON_C_TO_STRING_PLAIN));
		first = false;
		for (int64_t s = from; s <= to; s += step)
			buf_printf(out, "%s[%lld,\"%g\"]", s > from ? "," : "", (long long)s,
			    series->was + series->swing * swing_at(s));
		buf_puts(out, "]}");
	}
	buf_puts(out, "]}}");
}

/* False: it is no range that is asked. */
static bool
answer_range(struct str form, const struct answer *answer, struct buf *body)
{
	static const char *const names[] = { "start", "end", "step" };
	double values[3] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct buf text = { 0 };
		bool read = form_value(form, names[i], &text) &&
			    str_to_double(buf_str(&text), &values[i]);

		buf_fini(&text);
		if (!read)
			return false;
	}
	put_matrix(body, answer, (int64_t)values[0], (int64_t)values[1],
	    values[2] >= 1 ? (int64_t)values[2] : 1);
	return true;
}

static dur_t
ask_source(struct sim *sim, const struct xfer_request *request, struct xfer_response *response)
{
	struct world *world = &sim->world;
	char name[32];
	struct buf query = { 0 }, time = { 0 }, body = { 0 };
	const char *mark = memchr(request->url.p, '?', request->url.n);
	struct str form = mark != NULL ? str_from(mark + 1) : buf_str(&request->body);
	double at = 0;

	name_from_url(request, strlen(SOURCE_URL), name);
	struct peer *peer = world_source(world, name);

	peer->requests++;
	bool range = strstr(request->url.p, "/query_range") != NULL;

	if (!form_value(form, "query", &query) ||
	    (!range &&
		(!form_value(form, "time", &time) || !str_to_double(buf_str(&time), &at))))
		sim_fail(
		    sim, "source %s got a query without query or time: %s", name, request->url.p);
	struct answer *answer = world_answer(world, name, query.n > 0 ? query.p : "");

	response->status = 200;
	dur_t after = peer->latency;

	switch (peer->conduct) {
	case CONDUCT_OK:
	case CONDUCT_PARTIAL:
		if (range && !answer_range(form, answer, &body))
			sim_fail(sim, "source %s: a range without ends: %s", name, request->url.p);
		if (range)
			break;
		put_vector(
		    &body, answer, time.p != NULL ? time.p : "0", peer->conduct == CONDUCT_PARTIAL);
		break;
	case CONDUCT_GARBAGE:
		buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"vec");
		break;
	case CONDUCT_STATUS:
		response->status = peer->status;
		buf_puts(&body, "{\"status\":\"error\",\"error\":\"on request\"}");
		break;
	case CONDUCT_REFUSE:
		response->failure = ERR_IO;
		snprintf(
		    response->failure_text, sizeof(response->failure_text), "connection refused");
		break;
	case CONDUCT_HANG:
	case CONDUCT_LOST:
	case CONDUCT_KILL:
	case CONDUCT_KILL_TAKEN:
		after = DUR_NEVER;
		break;
	}
	if (!range && peer->conduct == CONDUCT_OK && dur_less(after, LATENCY_MAX))
		judge_told(sim, answer, (wall_t){ (int64_t)llround(at * 1000) * 1000000 },
		    wall_add(sim_now(sim), after));
	response->body = arena_str(world->bodies, buf_str(&body));
	response->content_type = STR("application/json");
	buf_fini(&query);
	buf_fini(&time);
	buf_fini(&body);
	return after;
}

/* --- receivers ---------------------------------------------------------------- */

void
notice_print(const struct sim *sim, const struct notice *notice, struct buf *out)
{
	buf_printf(out, "\n  %.3fs %s %s%s%s%s%s:", dur_seconds(wall_since(notice->at, sim->start)),
	    notice->receiver, notice->delivery, notice->place[0] != '\0' ? " step " : "",
	    notice->place, notice->answered ? "" : " (answer lost)",
	    notice->lost ? " (outcome lost)" : "");
	for (uint32_t i = 0; i < notice->n; i++)
		buf_printf(out, " %s %s", notice->alerts[i].firing ? "firing" : "resolved",
		    json_object_to_json_string_ext(
			notice->alerts[i].labels, JSON_C_TO_STRING_PLAIN));
}

/* "DELIVERY-SECONDS": the same for every attempt. */
static void
read_key(struct notice *notice, const char *key)
{
	const char *dash = strrchr(key, '-');
	int64_t seconds;

	snprintf(notice->delivery, sizeof(notice->delivery), "%s", key);
	if (dash != NULL && str_to_i64(str_from(dash + 1), &seconds))
		notice->flushed = (wall_t){ seconds * 1000000000 };
}

static bool
read_alerts(struct notice *notice)
{
	json_object *alerts, *status, *starts_at;

	if (!json_object_object_get_ex(notice->body, "alerts", &alerts) ||
	    json_object_array_length(alerts) > NOTICE_ALERTS_MAX)
		return false;
	notice->alerts =
	    xcalloc(json_object_array_length(alerts) + 1, sizeof(struct notice_alert));
	for (size_t i = 0; i < json_object_array_length(alerts); i++) {
		json_object *one = json_object_array_get_idx(alerts, i);
		struct notice_alert *alert = &notice->alerts[notice->n++];

		if (!json_object_object_get_ex(one, "labels", &alert->labels) ||
		    !json_object_object_get_ex(one, "startsAt", &starts_at) ||
		    !json_object_object_get_ex(one, "status", &status))
			return false;
		alert->starts_at = json_object_get_string(starts_at);
		alert->firing = strcmp(json_object_get_string(status), "firing") == 0;
	}
	return notice->n > 0;
}

/* ---- what was told last ------------------------------------------------------- */

struct last_key {
	const char *receiver, *group_key;
};

static bool
last_is(const void *value, const void *key)
{
	const struct notice *notice = value;
	const struct last_key *k = key;

	return strcmp(notice->receiver, k->receiver) == 0 &&
	       strcmp(notice->group_key, k->group_key) == 0;
}

static uint64_t
last_hash(const char *receiver, const char *group_key)
{
	return hash_mix(hash_bytes(receiver, strlen(receiver)),
	    hash_bytes(group_key, strlen(group_key)));
}

struct notice *
world_last(const struct world *world, const char *receiver, const char *group_key)
{
	struct last_key key = { receiver, group_key };

	return map_find(&world->last, last_hash(receiver, group_key), last_is, &key);
}

static void
set_last(struct world *world, struct notice *notice)
{
	uint64_t hash = last_hash(notice->receiver, notice->group_key);

	if (notice->before != NULL)
		map_remove_value(&world->last, hash, notice->before);
	map_insert(&world->last, hash, notice);
}

/* The receiver has it, whatever the program hears of that. */
static void
take_notice(struct sim *sim, const struct peer *peer, const struct xfer_request *request)
{
	struct world *world = &sim->world;
	struct notice *notice = xcalloc(1, sizeof(*notice));
	json_object *key = NULL;

	notice->at = sim_now(sim);
	notice->latency = peer->latency;
	notice->answered = peer->conduct == CONDUCT_OK && dur_less(peer->latency, LATENCY_MAX);
	snprintf(notice->receiver, sizeof(notice->receiver), "%s", peer->name);
	for (size_t i = 0; i < request->n_headers; i++)
		if (strcasecmp(request->headers[i].name, "Idempotency-Key") == 0)
			read_key(notice, request->headers[i].value);
		else if (strcasecmp(request->headers[i].name, "Tocsin-Escalation") == 0)
			snprintf(notice->place, sizeof(notice->place), "%s",
			    request->headers[i].value);
	notice->body = json_tokener_parse(request->body.p);
	if (!wall_is_set(notice->flushed))
		sim_fail(sim, "receiver %s got a message without a name", peer->name);
	if (notice->body == NULL || !read_alerts(notice) ||
	    !json_object_object_get_ex(notice->body, "groupKey", &key))
		sim_fail(sim, "receiver %s got something that is no webhook message: %.300s",
		    peer->name, request->body.p);
	notice->group_key = xstrdup(key != NULL ? json_object_get_string(key) : "");
	notice->before = world_last(world, notice->receiver, notice->group_key);
	judge_notice(sim, notice);
	set_last(world, notice);
	notice->older = world->newest;
	world->newest = notice;
	*world->notices_end = notice;
	world->notices_end = &notice->next;
	world->n_notices++;
	if (sim->stop_on_notice)
		loop_stop(sim->core.loop);
}

static dur_t
tell_receiver(struct sim *sim, const struct xfer_request *request, struct xfer_response *response)
{
	char name[32];

	name_from_url(request, strlen(RECEIVER_URL), name);
	struct peer *peer = world_receiver(&sim->world, name);
	enum conduct conduct = peer->conduct;

	if (getenv("SIM_TRACE") != NULL)
		printf("%.3fs to %s, conduct %d, status %d: %s\n",
		    dur_seconds(wall_since(sim_now(sim), sim->start)), name, (int)conduct,
		    peer->status, request->body.p);
	peer->requests++;
	if (conduct != CONDUCT_OK)
		peer->failed_at = sim_now(sim);
	response->status = 200;
	switch (conduct) {
	case CONDUCT_OK:
	case CONDUCT_LOST:
	case CONDUCT_KILL_TAKEN:
		take_notice(sim, peer, request);
		break;
	case CONDUCT_STATUS:
		response->status = peer->status;
		response->has_retry_after = peer->retry_after.ns > 0;
		response->retry_after = peer->retry_after;
		break;
	case CONDUCT_REFUSE:
		response->failure = ERR_IO;
		snprintf(
		    response->failure_text, sizeof(response->failure_text), "connection refused");
		break;
	case CONDUCT_HANG:
	case CONDUCT_KILL:
	case CONDUCT_PARTIAL:
	case CONDUCT_GARBAGE:
		break;
	}
	if (conduct == CONDUCT_KILL || conduct == CONDUCT_KILL_TAKEN) {
		peer->conduct = CONDUCT_OK;
		sim_mark_killed(sim);
	}
	if (conduct != CONDUCT_OK && conduct != CONDUCT_STATUS && conduct != CONDUCT_REFUSE)
		return DUR_NEVER;
	return peer->latency;
}

dur_t
world_script(void *arg, const struct xfer_request *request, struct xfer_response *response)
{
	struct sim *sim = arg;

	if (sim->is_dying)
		return DUR_NEVER;
	if (strncmp(request->url.p, SOURCE_URL, strlen(SOURCE_URL)) == 0)
		return ask_source(sim, request, response);
	if (strncmp(request->url.p, RECEIVER_URL, strlen(RECEIVER_URL)) == 0)
		return tell_receiver(sim, request, response);
	sim_fail(sim, "a request to nobody: %s", request->url.p);
	return DUR_NEVER;
}
