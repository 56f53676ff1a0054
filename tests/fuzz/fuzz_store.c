/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: opening, migrating and reading back a database that something
 * has mangled (store/store_schema.c, store_load.c, daemon/restore.c and what
 * the rooms make of a row: labels_codec.c, silences_rows.c, alerts.c, groups.c,
 * notify/), then an hour of its life.  The directory is under TMPDIR.
 *
 * The first byte chooses: even, the rest are edits of a good file, four bytes
 * each (place, 24 bits; value); odd, the rest are the fields of rows that are
 * written as they are: a byte for the table, then numbers of eight bytes and
 * texts behind two bytes of length, until the input ends.  With edits, the
 * high bits of the first byte are the version of the file: one of those there
 * were, else the present one with that number written over its own.
 *
 * Beyond not crashing: what cannot be opened says why, what opens has nothing
 * left over at the end, and what has been opened once opens again.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/log.h"
#include "daemon/core.h"
#include "fuzz.h"
#include "net/xfer.h"
#include "route/groups.h"
#include "store/store_internal.h"
#include "support.h"

#define START    ((wall_t){ INT64_C(1700000000000000000) })
#define ROWS_MAX 16
#define BASE_MAX (1u << 20)

static char dir[256], path[300];
/* A file of each version; the first is the present one as the program leaves it. */
static char bases[STORE_SCHEMA_VERSION + 1][BASE_MAX];
static size_t bases_n[STORE_SCHEMA_VERSION + 1];

static const char config_text[] = "route: {receiver: r, group_by: [alertname], group_wait: 1s}\n"
				  "receivers:\n"
				  "- name: r\n"
				  "  webhook_configs: [{url: 'http://hook.example/'}]\n";

/* --- fields of the input ---------------------------------------------------------- */

static uint64_t
take_number(struct str *in)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 8 && in->n > 0; i++) {
		n |= (uint64_t)(unsigned char)in->p[0] << (8 * i);
		*in = str_make(in->p + 1, in->n - 1);
	}
	return n;
}

static wall_t
take_time(struct str *in)
{
	return (wall_t){ (int64_t)take_number(in) };
}

static struct str
take_text(struct str *in)
{
	struct str text;
	uint32_t n = 0;

	if (in->n < 2)
		return STR("");
	n = (unsigned char)in->p[0] | (uint32_t)(unsigned char)in->p[1] << 8;
	n = n < in->n - 2 ? n : in->n - 2;
	text = str_make(in->p + 2, n);
	*in = str_make(text.p + n, in->n - 2 - n);
	return text;
}

static void
put_delivery(struct store *store, struct str *in)
{
	struct delivery_row row = {
		.id = store_next_id(store),
		.group_key = take_text(in),
		.receiver = take_text(in),
		.integration = take_text(in),
		.group_labels = take_text(in),
		.route_id = take_text(in),
		.alerts = take_text(in),
		.reason = STR("first notification"),
		.error = STR(""),
		.attempts = 1,
		.created_at = START,
	};
	uint64_t bits = take_number(in);

	row.state = (enum delivery_state)(bits % DELIVERY_STATE_COUNT);
	row.n_firing = bits >> 8 & 0xff;
	row.n_resolved = bits >> 16 & 0xff;
	row.due_at = take_time(in);
	row.tick_at = take_time(in);
	store_delivery_put(store, &row);
}

static void
put_row(struct store *store, struct str *in)
{
	unsigned table = (unsigned char)in->p[0] % 7;
	int64_t id = store_next_id(store);

	*in = str_make(in->p + 1, in->n - 1);
	switch (table) {
	case 0:
		store_alert_put(store,
		    &(struct alert_row){ .id = id, .labels = take_text(in),
			.annotations = take_text(in), .generator_url = take_text(in),
			.starts_at = take_time(in), .ends_at = take_time(in),
			.updated_at = take_time(in), .flags = (uint32_t)take_number(in) });
		break;
	case 1:
		store_rule_put(store, id, take_text(in), take_text(in));
		break;
	case 2:
		store_rule_alert_put(store,
		    &(struct rule_alert_row){ .id = id, .rule_id = (int64_t)take_number(in),
			.labels = take_text(in), .state = (uint32_t)take_number(in),
			.active_at = take_time(in), .fired_at = take_time(in) });
		break;
	case 3:
		store_group_put(store,
		    &(struct group_row){ .id = id, .route_id = take_text(in),
			.labels = take_text(in), .next_flush_at = take_time(in),
			.flushed = id % 2 == 0 });
		break;
	case 4:
		store_nflog_put(store,
		    &(struct nflog_row){ .id = id, .group_key = take_text(in),
			.integration = take_text(in), .firing = take_text(in),
			.resolved = take_text(in), .thread = take_text(in),
			.held = take_text(in), .at = take_time(in),
			.expires_at = take_time(in) });
		break;
	case 5:
		put_delivery(store, in);
		break;
	default:
		store_silence_put(store,
		    &(struct silence_row){ .id = take_text(in), .matchers = take_text(in),
			.starts_at = take_time(in), .ends_at = take_time(in),
			.updated_at = START, .created_by = take_text(in),
			.comment = take_text(in), .matched_at = take_time(in) });
		break;
	}
}

/* --- a server without its sockets --------------------------------------------------- */

static dur_t
network(void *arg UNUSED, const struct xfer_request *request UNUSED, struct xfer_response *response)
{
	response->status = 200;
	return DUR_MS(10);
}

static struct config *
load_config(void)
{
	struct diag *diag = diag_new();
	struct config *config =
	    config_load(support_file(STR(config_text)), core_kinds(), diag);

	if (config == NULL)
		abort();
	diag_free(diag);
	return config;
}

static void
on_put(void *arg, struct alert *alert, enum alert_put_result result, wall_t now)
{
	struct core *core = arg;

	groups_on_alert(core->groups, alert, result, now);
}

static void
on_rule_event(void *arg UNUSED, const struct rule_event *event UNUSED)
{
}

static void
open_rooms(struct core *core)
{
	core->xfer = xfer_new_scripted(core->loop, network, NULL);
	core->workers = worker_pool_new(core->loop, "sql", 1, 4);
	core->alerts = alerts_new(core->store);
	core->silences = silences_new(core->store);
	core->engine = engine_new(&(struct engine_options){ .loop = core->loop,
	    .xfer = core->xfer,
	    .workers = core->workers,
	    .store = core->store,
	    .sink = { .event = on_rule_event },
	    .external_url = "http://tocsin.example" });
	core->notifier = notifier_new(&(struct notifier_options){ .loop = core->loop,
	    .xfer = core->xfer,
	    .store = core->store,
	    .alerts = core->alerts,
	    .silences = core->silences,
	    .external_url = "http://tocsin.example",
	    .seed = 1 });
	core->groups = groups_new(core->loop, core->store, core->alerts,
	    &(struct groups_hooks){ .arg = core->notifier, .flush = notifier_flush,
		.group_gone = notifier_group_gone });
	alerts_subscribe(core->alerts, on_put, NULL, core);
}

static void
close_rooms(struct core *core)
{
	engine_free(core->engine);
	groups_free(core->groups);
	notifier_free(core->notifier);
	inhibitor_free(core->inhibitor);
	silences_free(core->silences);
	alerts_free(core->alerts);
	xfer_free(core->xfer);
	worker_pool_free(core->workers);
}

/* As daemon/core.c: restores, applies, lives for a while. */
static void
live(struct core *core)
{
	struct err err = { 0 };

	open_rooms(core);
	core->config = load_config();
	if (core_restore(core, &err) == 0 &&
	    engine_apply(core->engine, core->config, &err) == 0) {
		core->inhibitor = inhibitor_new(core->config);
		notifier_apply(core->notifier, core->config, core->inhibitor);
		groups_apply(core->groups, core->config, START);
		notifier_start(core->notifier, START);
		groups_start(core->groups, START);
		engine_start(core->engine);
		loop_run_until(core->loop, wall_add(START, DUR_S(3600)));
		alerts_gc(core->alerts, loop_now(core->loop));
		silences_gc(core->silences, loop_now(core->loop), DUR_S(3600));
	} else if (err.text[0] == '\0') {
		abort();
	}
	close_rooms(core);
	config_unref(core->config);
}

static bool
open_and_live(bool with_rooms, struct str rows)
{
	struct core core = { .loop = loop_new_virtual(START) };
	struct err err = { 0 };
	bool opened;

	core.store = store_open(&(struct store_options){ .dir = dir }, core.loop, &err);
	opened = core.store != NULL;
	if (!opened && err.text[0] == '\0')
		abort();
	if (opened) {
		for (int i = 0; i < ROWS_MAX && rows.n > 0; i++)
			put_row(core.store, &rows);
		if (with_rooms)
			live(&core);
		store_close(core.store);
	}
	loop_free(core.loop);
	if (labels_live() != 0 || istr_live() != 0)
		abort();
	return opened;
}

/* --- the file ------------------------------------------------------------------------- */

static void
write_file(const char *bytes, size_t n)
{
	int fd;

	for (const char *const *end = (const char *const[]){ "-wal", "-shm", NULL }; *end != NULL;
	     end++) {
		char name[320];

		snprintf(name, sizeof(name), "%s%s", path, *end);
		(void)unlink(name);
	}
	(void)unlink(path);
	if (n == 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		abort();
	close(fd);
}

static void
clean_up(void)
{
	char name[320];

	write_file("", 0);
	snprintf(name, sizeof(name), "%s/lock", dir);
	(void)unlink(name);
	(void)rmdir(dir);
}

static void
keep_base(int version)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, bases[version], BASE_MAX) : -1;

	if (n <= 0 || n == BASE_MAX)
		abort();
	close(fd);
	bases_n[version] = (size_t)n;
}

/* A good file with a row of each sort. */
static void
make_present(void)
{
	static const char rows[] =
	    "\0\x12\0\1\0\0\0\1\0\0\0a\1\0\0\0bxxxx\0\0\0\0"
	    "\6\4\0uuid\x10\0\1\1\0\0\0\0\1\0\0\0a\1\0\0\0b"
	    "\3\2\0{}\4\0\0\0\0\0\5\2\0{}\1\0r\1\0w\4\0\0\0\0\0\2\0{}\4\0\0\0\0\0";

	if (!open_and_live(false, str_make(rows, sizeof(rows) - 1)))
		abort();
	keep_base(0);
}

static void
make_old(int version)
{
	struct err err = { 0 };
	sqlite3 *db = NULL;

	write_file("", 0);
	if (store_connect(&db, path, false, &err) < 0 ||
	    store_migrate(db, path, version, &err) < 0 ||
	    store_exec(db,
		"INSERT INTO alert VALUES (1, x'00000000', x'00000000', '', 1, 2, 3, 0);"
		"INSERT INTO silence (id, matchers, starts_at, ends_at, updated_at, created_by,"
		" comment) VALUES ('a', x'0100000000', 1, 2, 3, 'me', 'why');"
		"INSERT INTO nflog (id, group_key, integration, firing, resolved, at, expires_at,"
		" thread) VALUES (2, '{}', 'r/webhook[0]', x'', x'', 1, 2, '');",
		&err) < 0)
		abort();
	store_disconnect(&db);
	keep_base(version);
}

static void
make_bases(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/tocsin-fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL || atexit(clean_up) != 0)
		abort();
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	make_present();
	for (int version = 1; version <= STORE_SCHEMA_VERSION; version++)
		make_old(version);
}

static void
edit_and_open(const uint8_t *data, size_t size, unsigned version)
{
	static char bytes[BASE_MAX];
	unsigned which = version <= STORE_SCHEMA_VERSION ? version : 0;
	size_t n = bases_n[which], whole = n;

	memcpy(bytes, bases[which], n);
	if (which != version)
		bytes[63] = (char)version; /* user_version, its lowest byte */
	for (; size >= 4; data += 4, size -= 4) {
		size_t at = (size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2];

		if (at < whole)
			bytes[at] = (char)data[3];
		else if (at < 2 * whole)
			n = at - whole; /* cut short */
	}
	write_file(bytes, n);
	if (open_and_live(true, STR("")) && !open_and_live(false, STR("")))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (bases_n[0] == 0) {
		log_configure((enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
		make_bases();
	}
	if (data[0] % 2 == 0) {
		edit_and_open(data + 1, size - 1, data[0] >> 4);
		return 0;
	}
	write_file(bases[0], bases_n[0]);
	if (!open_and_live(false, str_make((const char *)data + 1, size - 1)) ||
	    !open_and_live(true, STR("")) || !open_and_live(true, STR("")))
		abort();
	return 0;
}
