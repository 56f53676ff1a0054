/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/notify/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "receiver/receiver.h"

#define NS INT64_C(1000000000)

struct world w;

/* ---- receivers ------------------------------------------------------------------- */

static void
put_set(struct buf *out, const struct notification *n, bool firing)
{
	struct buf text = { 0 };
	bool any = false;

	for (uint32_t i = 0; i < n->n_alerts; i++) {
		if (n->alerts[i].firing != firing)
			continue;
		ck_assert_int_eq(firing, !wall_is_set(n->alerts[i].ends_at));
		buf_printf(out, "%s%s", any ? " " : "", text_of(n->alerts[i].labels, &text));
		any = true;
	}
	buf_fini(&text);
}

/* One field per line; the last is empty. */
static void
describe(struct buf *out, const struct notification *n)
{
	ck_assert_uint_eq(n->n_firing + n->n_resolved, n->n_alerts);
	ck_assert_int_eq(n->firing, n->n_firing > 0);
	buf_printf(out, "%lld\n%s\n%.*s\n%.*s\n", (long long)n->delivery_id, n->reason,
	    STR_ARG(n->group_key), STR_ARG(n->thread));
	for (uint32_t i = 0; i < n->n_common_labels; i++)
		buf_printf(out, "%s%.*s=%.*s", i > 0 ? "," : "", STR_ARG(n->common_labels[i].name),
		    STR_ARG(n->common_labels[i].value));
	buf_putc(out, '\n');
	put_set(out, n, true);
	buf_putc(out, '\n');
	put_set(out, n, false);
	buf_putc(out, '\n');
}

static int
probe_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct probe_settings *probe = settings;

	(void)arena;
	if (w.unrenderable)
		return err_set(err, ERR_INVALID, "no such template");
	if (w.no_secret)
		return err_set(err, ERR_IO, "no such file");
	request->method = "POST";
	buf_puts(&request->url, probe->url);
	describe(&request->body, n);
	return 0;
}

static struct verdict
probe_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	struct verdict verdict = { .kind = DELIVERY_OK, .more = n->step + 1 < w.steps };

	(void)settings;
	if (response->failure != ERR_NONE) {
		verdict.kind = DELIVERY_RETRY;
		(void)snprintf(verdict.text, sizeof(verdict.text), "no answer");
	} else if (response->status >= 500 || response->status == 429) {
		verdict.kind = DELIVERY_RETRY;
		(void)snprintf(verdict.text, sizeof(verdict.text), "status %d", response->status);
		verdict.has_retry_after = response->has_retry_after;
		verdict.retry_after = response->retry_after;
	} else if (response->status == 410) {
		verdict.kind = DELIVERY_RETRY;
		verdict.thread_gone = true;
	} else if (response->status >= 300) {
		verdict.kind = DELIVERY_REJECTED;
		(void)snprintf(verdict.text, sizeof(verdict.text), "status %d", response->status);
	} else if (n->thread.n == 0) {
		(void)snprintf(verdict.thread, sizeof(verdict.thread), "thread-%lld",
		    (long long)n->delivery_id);
	}
	return verdict;
}

static void
take_line(const char **at, char *ret, size_t size)
{
	size_t n = strcspn(*at, "\n");

	ck_assert_uint_lt(n, size);
	memcpy(ret, *at, n);
	ret[n] = '\0';
	*at += n + 1;
}

static char *
take_set(const char **at)
{
	size_t n = strcspn(*at, "\n");
	char *set = xmemdup0(*at, n);

	*at += n + 1;
	return set;
}

static struct message_seen *
record(const char *url, const char *body)
{
	struct message_seen *m = &w.seen[w.n_seen++];
	char id[32];

	ck_assert_uint_lt(w.n_seen, MESSAGES_MAX);
	*m = (struct message_seen){ .at_exact = loop_now(w.loop), .crashes = w.crashes };
	m->at = (m->at_exact.ns - START_AT.ns) / NS;
	(void)snprintf(m->url, sizeof(m->url), "%s", url);
	take_line(&body, id, sizeof(id));
	int64_t number;
	ck_assert(str_to_i64(str_from(id), &number));
	m->delivery = number;
	take_line(&body, m->reason, sizeof(m->reason));
	take_line(&body, m->group, sizeof(m->group));
	take_line(&body, m->thread, sizeof(m->thread));
	take_line(&body, m->common, sizeof(m->common));
	m->firing = take_set(&body);
	m->resolved = take_set(&body);
	return m;
}

static int
scribe_write(const void *settings, const struct notification *n, struct err *err)
{
	const struct probe_settings *probe = settings;
	struct buf body = { 0 };

	if (w.scribe_fails)
		return err_set(err, ERR_IO, "disk full");
	describe(&body, n);
	record(probe->url, body.p)->status = 200;
	buf_fini(&body);
	return 0;
}

static const struct receiver_ops probe_ops = {
	.kind = &probe_kind, .render = probe_render, .classify = probe_classify
};
static const struct receiver_ops quiet_ops = {
	.kind = &quiet_kind, .render = probe_render, .classify = probe_classify
};
static const struct receiver_ops scribe_ops = { .kind = &scribe_kind, .write = scribe_write };

static const struct receiver_ops *
ops_of(const struct integration_kind *kind)
{
	return kind == &probe_kind ? &probe_ops : kind == &quiet_kind ? &quiet_ops : &scribe_ops;
}

struct host *
host(const char *url)
{
	for (int i = 0; i < HOSTS_MAX; i++) {
		if (w.hosts[i].url == NULL)
			w.hosts[i].url = url;
		if (strcmp(w.hosts[i].url, url) == 0)
			return &w.hosts[i];
	}
	ck_abort_msg("too many hosts");
}

static dur_t
answer(void *arg, const struct xfer_request *request, struct xfer_response *response)
{
	struct message_seen *m;
	struct host *h = NULL;

	(void)arg;
	for (int i = 0; i < HOSTS_MAX && w.hosts[i].url != NULL; i++) {
		if (strcmp(w.hosts[i].url, request->url.p) == 0)
			h = &w.hosts[i];
	}
	if (h != NULL && h->mood == HOST_REFUSES) {
		response->failure = ERR_IO;
		return h->latency;
	}
	m = record(request->url.p, request->body.p);
	if (h == NULL || h->mood == HOST_OK) {
		response->status = m->status = 200;
		return h != NULL ? h->latency : DUR_S(0);
	}
	if (h->mood == HOST_HANGS)
		return DUR_NEVER;
	response->status = m->status = h->status;
	response->has_retry_after = h->retry_after_s != 0;
	response->retry_after = DUR_S(h->retry_after_s);
	return h->latency;
}

/* ---- life ------------------------------------------------------------------------------ */

static void
restore_alert(void *arg, const struct alert_row *row)
{
	(void)arg;
	ck_assert_ptr_nonnull(alerts_restore(w.alerts, row, loop_now(w.loop)));
}

static void
restore_group(void *arg, const struct group_row *row)
{
	(void)arg;
	groups_restore(w.groups, row);
}

static void
restore_flap(void *arg, const struct flap_row *row)
{
	(void)arg;
	flaps_restore(notifier_flaps(w.notifier), row);
}

static void
restore_meta(void *arg, struct str key, struct str value)
{
	(void)arg;
	notifier_restore_meta(w.notifier, key, value);
}

static void
restore_nflog(void *arg, const struct nflog_row *row)
{
	(void)arg;
	notifier_restore_nflog(w.notifier, row);
}

static void
restore_delivery(void *arg, const struct delivery_row *row)
{
	(void)arg;
	notifier_restore_delivery(w.notifier, row);
}

static void
restore_silence(void *arg, const struct silence_row *row)
{
	(void)arg;
	ck_assert_int_eq(silences_restore(w.silences, row, NULL), 0);
}

static void
on_put(void *arg, struct alert *alert, enum alert_put_result result, wall_t now)
{
	(void)arg;
	if (w.inhibitor != NULL)
		inhibitor_note(w.inhibitor, alert);
	groups_on_alert(w.groups, alert, result, now);
}

static void
on_gone(void *arg, struct alert *alert)
{
	(void)arg;
	if (w.inhibitor != NULL)
		inhibitor_forget(w.inhibitor, alert);
}

static void
apply(struct config *config)
{
	struct inhibitor *old = w.inhibitor;
	struct alert *alert;

	w.inhibitor = inhibitor_new(config);
	for (size_t it = 0; (alert = alerts_next(w.alerts, &it)) != NULL;)
		inhibitor_note(w.inhibitor, alert);
	notifier_apply(w.notifier, config, w.inhibitor);
	groups_apply(w.groups, config, loop_now(w.loop));
	inhibitor_free(old);
	config_unref(w.config);
	w.config = config;
}

static void
open_rooms(struct config *config)
{
	struct err err = { 0 };
	const struct store_sink sink = { .meta = restore_meta,
		.alert = restore_alert,
		.group = restore_group,
		.nflog = restore_nflog,
		.delivery = restore_delivery,
		.silence = restore_silence };

	w.store = store_open(&(struct store_options){ .dir = w.dir }, w.loop, &err);
	ck_assert_msg(w.store != NULL, "%s", err.text);
	w.xfer = xfer_new_scripted(w.loop, answer, NULL);
	w.alerts = alerts_new(w.store);
	w.silences = silences_new(w.store);
	w.notifier = notifier_new(&(struct notifier_options){
	    .loop = w.loop,
	    .xfer = w.xfer,
	    .store = w.store,
	    .alerts = w.alerts,
	    .silences = w.silences,
	    .external_url = "http://tocsin.test",
	    .seed = 7,
	    .ops_of = ops_of,
	});
	w.groups = groups_new(w.loop, w.store, w.alerts,
	    &(struct groups_hooks){
		.arg = w.notifier,
		.flush = notifier_flush,
		.group_gone = notifier_group_gone,
	    });
	alerts_subscribe(w.alerts, on_put, on_gone, NULL);
	ck_assert_int_eq(store_load(w.store, &sink, &err), 0);
	ck_assert_int_eq(
	    store_health_load(w.store, &(struct health_sink){ .flap = restore_flap }, &err), 0);
	ck_assert_int_eq(store_decision_load(w.store, decisions_restore,
			     notifier_decisions(w.notifier), &err),
	    0);
	apply(config);
	notifier_start(w.notifier, loop_now(w.loop));
	groups_start(w.groups, loop_now(w.loop));
}

static void
close_rooms(void)
{
	groups_free(w.groups);
	notifier_free(w.notifier);
	inhibitor_free(w.inhibitor);
	w.inhibitor = NULL;
	silences_free(w.silences);
	alerts_free(w.alerts);
	xfer_free(w.xfer);
	store_close(w.store);
}

void
world_open(const char *yaml)
{
	w = (struct world){ 0 };
	w.seen = xcalloc(MESSAGES_MAX, sizeof(*w.seen));
	dir_make(w.dir);
	w.loop = loop_new_virtual(START_AT);
	w.no_labels = labels_of("");
	open_rooms(config_of(yaml));
}

void
world_close(void)
{
	world_turns();
	close_rooms();
	config_unref(w.config);
	loop_free(w.loop);
	labels_unref(w.no_labels);
	dir_remove(w.dir);
	for (uint32_t i = 0; i < w.n_seen; i++) {
		free(w.seen[i].firing);
		free(w.seen[i].resolved);
	}
	free(w.seen);
	ck_assert_uint_eq(labels_live(), 0);
	ck_assert_uint_eq(istr_live(), 0);
}

/* What is not committed yet is lost, as with a power cut. */
void
world_crash(int64_t until_s)
{
	struct config *config = config_ref(w.config);

	store_set_failing(w.store, true);
	close_rooms();
	w.crashes++;
	loop_run_until(w.loop, AT(until_s));
	open_rooms(config);
}

void
world_reload(const char *yaml)
{
	apply(config_of(yaml));
}

void
world_run(int64_t seconds)
{
	loop_run_until(w.loop, AT(seconds));
}

void
world_turns(void)
{
	while (loop_turn(w.loop, DUR_S(0)))
		;
}

/* ---- what happens ------------------------------------------------------------------------ */

static void
put(const char *text, wall_t start, wall_t end, uint32_t flags)
{
	struct alert_update update = { .labels = labels_of(text),
		.annotations = w.no_labels,
		.generator_url = STR(""),
		.starts_at = start,
		.ends_at = end,
		.flags = flags };

	alerts_put(w.alerts, &update, loop_now(w.loop), NULL);
	labels_unref(update.labels);
}

void
post(const char *labels, int64_t start_s, int64_t end_s)
{
	put(labels, AT(start_s), AT(end_s), 0);
}

void
fire(const char *labels)
{
	put(labels, loop_now(w.loop), WALL_MAX, ALERT_FROM_RULE);
}

static struct alert *
find(const char *text)
{
	struct labels *labels = labels_of(text);
	struct alert *alert = alerts_find(w.alerts, labels);

	labels_unref(labels);
	return alert;
}

void
resolve(const char *labels)
{
	struct alert *alert = find(labels);

	ck_assert_ptr_nonnull(alert);
	alerts_resolve(w.alerts, alert, loop_now(w.loop), loop_now(w.loop));
}

bool
in_table(const char *labels)
{
	return find(labels) != NULL;
}

static void
make_silence(const char *matchers, int64_t end_s, bool until_resolved, char ret_id[37])
{
	struct silence_input input = { .id = STR(""),
		.matchers = matchers_of(matchers),
		.starts_at = loop_now(w.loop),
		.ends_at = AT(end_s),
		.created_by = STR("me"),
		.comment = STR("c"),
		.until_resolved = until_resolved };
	struct err err = { 0 };
	char id[37];

	ck_assert_msg(silences_set(w.silences, &input, loop_now(w.loop),
			  ret_id != NULL ? ret_id : id, &err) == 0,
	    "%s", err.text);
}

void
silence(const char *matchers, int64_t end_s, char ret_id[37])
{
	make_silence(matchers, end_s, false, ret_id);
}

void
silence_until_resolved(const char *matchers, int64_t end_s, char ret_id[37])
{
	make_silence(matchers, end_s, true, ret_id);
}

bool
silenced(const char *id)
{
	const struct silence *silence = silences_get(w.silences, str_from(id));

	ck_assert_ptr_nonnull(silence);
	return silence_state(silence, loop_now(w.loop)) == SILENCE_ACTIVE;
}

/* ---- what came of it ------------------------------------------------------------------------ */

void
saw(uint32_t from, const char *want)
{
	struct buf got = { 0 };

	buf_puts(&got, "");
	for (uint32_t i = from; i < w.n_seen; i++) {
		const struct message_seen *m = &w.seen[i];

		buf_printf(&got, "%s%lld %s %s F[%s] R[%s]", i > from ? "; " : "", (long long)m->at,
		    m->url, m->reason, m->firing, m->resolved);
	}
	ck_assert_str_eq(got.n > 0 ? got.p : "", want);
	buf_fini(&got);
}

struct listing {
	struct buf text;
	uint32_t n;
	bool done;
};

static const char *const state_name[] = { "pending", "sending", "delivered", "dead", "cancelled" };

static void
on_deliveries(void *arg, const struct delivery_row *rows, uint32_t n, const struct err *err)
{
	struct listing *listing = arg;

	ck_assert_msg(err == NULL, "listing");
	for (uint32_t i = n; i-- > 0;)
		buf_printf(&listing->text, "%s%s %u %.*s", listing->text.n > 0 ? "; " : "",
		    state_name[rows[i].state], rows[i].attempts, STR_ARG(rows[i].error));
	listing->n = n;
	listing->done = true;
}

static void
list(int state, struct listing *listing)
{
	world_turns();
	store_delivery_query(w.store,
	    &(struct delivery_query){ .state = state, .receiver = STR(""), .limit = 1000 },
	    on_deliveries, listing);
	while (!listing->done)
		ck_assert(loop_turn(w.loop, DUR_S(0)));
}

/* Ids differ from run to run of the table, so "delivery N" is cut to "delivery". */
static void
cut_numbers(struct buf *text)
{
	static const char mark[] = "by delivery ";
	char *to = text->p, *from = text->p;

	while (from != NULL && *from != '\0') {
		if (strncmp(from, mark, sizeof(mark) - 1) == 0) {
			memmove(to, mark, sizeof(mark) - 2);
			to += sizeof(mark) - 2;
			from += sizeof(mark) - 1;
			from += strspn(from, "0123456789");
		} else {
			*to++ = *from++;
		}
	}
	if (to != NULL)
		*to = '\0';
}

void
rows_are(const char *want)
{
	struct listing listing = { .done = false };

	list(-1, &listing);
	buf_puts(&listing.text, "");
	cut_numbers(&listing.text);
	ck_assert_str_eq(listing.n > 0 ? listing.text.p : "", want);
	buf_fini(&listing.text);
}

uint32_t
rows_in_state(int state)
{
	struct listing listing = { .done = false };

	list(state, &listing);
	buf_fini(&listing.text);
	return listing.n;
}

static void
on_history(void *arg, const struct history_row *rows, uint32_t n, const struct err *err)
{
	struct listing *listing = arg;

	(void)rows;
	ck_assert_msg(err == NULL, "history");
	listing->n = n;
	listing->done = true;
}

uint32_t
history_count(const char *kind)
{
	struct listing listing = { .done = false };

	world_turns();
	store_history_query(w.store,
	    &(struct history_query){ .kind = str_from(kind), .limit = 1000 }, on_history, &listing);
	while (!listing.done)
		ck_assert(loop_turn(w.loop, DUR_S(0)));
	return listing.n;
}
