/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per call and one write(2) per line.  The mutex guards the repeat
 * limiter and keeps the order of lines; the settings are made at start.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/timestamp.h"

#define LINE_MAX_BYTES 16384
#define LIMITER_SLOTS  64
#define LIMITER_PERIOD DUR_S(60)

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* Subject and event are literals, so their addresses may be kept. */
struct limiter_slot {
	const char *subject, *event; /* NULL: free */
	wall_t since;
	enum log_level level;
	uint32_t printed, held;
};

/* set at start */
static enum log_level threshold = LOG_INFO;
static enum log_format format = LOG_LOGFMT;
static wall_t (*clock_fn)(void);

/* guarded by mtx */
static pthread_mutex_t mtx = PTHREAD_MUTEX_INITIALIZER;
static struct limiter_slot slots[LIMITER_SLOTS];
static uint32_t slots_holding; /* slots with held != 0 */

void
log_configure(enum log_level level, enum log_format new_format)
{
	threshold = level;
	format = new_format;
}

void
log_set_clock(wall_t (*now)(void))
{
	clock_fn = now;
}

bool
log_enabled(enum log_level level)
{
	return level >= threshold;
}

bool
log_level_from(struct str text, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (str_is(text, level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool
log_format_from(struct str text, enum log_format *ret)
{
	if (str_is(text, "logfmt"))
		*ret = LOG_LOGFMT;
	else if (str_is(text, "json"))
		*ret = LOG_JSON;
	else
		return false;
	return true;
}

static bool
needs_quotes(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
			return true;
	}
	return s.n == 0 || !str_is_utf8(s);
}

static void
put_text(struct buf *line, struct str s)
{
	if (format == LOG_JSON || needs_quotes(s))
		json_put_str(line, s);
	else
		buf_put_str(line, s);
}

static void
put_key(struct buf *line, const char *key)
{
	if (format == LOG_JSON) {
		buf_putc(line, line->n == 0 ? '{' : ',');
		json_put_str(line, str_from(key));
		buf_putc(line, ':');
	} else {
		if (line->n != 0)
			buf_putc(line, ' ');
		buf_puts(line, key);
		buf_putc(line, '=');
	}
}

static void
put_field_text(struct buf *line, const char *key, const char *text)
{
	put_key(line, key);
	put_text(line, str_from(text));
}

/* People read 1.5ms, programs read seconds. */
static void
put_duration(struct buf *line, int64_t ns)
{
	double d = (double)ns;

	if (format == LOG_JSON)
		json_put_double(line, d / 1e9);
	else if (ns < 1000 && ns > -1000)
		buf_printf(line, "%dns", (int)ns);
	else if (ns < 1000000 && ns > -1000000)
		buf_printf(line, "%.4gus", d / 1e3);
	else if (ns < 1000000000 && ns > -1000000000)
		buf_printf(line, "%.4gms", d / 1e6);
	else
		buf_printf(line, "%.10gs", d / 1e9);
}

static void
put_field(struct buf *line, const struct log_field *field)
{
	char text[TIMESTAMP_TEXT_MAX];

	put_key(line, field->key);
	switch (field->kind) {
	case LOG_F_STR:
		put_text(line, field->s);
		break;
	case LOG_F_INT:
		buf_put_i64(line, field->i);
		break;
	case LOG_F_DOUBLE:
		if (format == LOG_JSON)
			json_put_double(line, field->d);
		else
			put_prom_double(line, field->d);
		break;
	case LOG_F_DUR:
		put_duration(line, field->i);
		break;
	case LOG_F_WALL:
		put_text(line,
		    str_from(timestamp_format_ms((wall_t){ field->i }, text)));
		break;
	}
}

static void
write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, p, n);

		if (done < 0 && errno != EINTR)
			return; /* nobody is left to tell */
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
}

static void
put_line(enum log_level level, const char *subject, const char *event,
    const struct log_field *fields, wall_t now)
{
	char text[TIMESTAMP_TEXT_MAX];
	struct buf line;

	/* A field that does not fit is left out whole, and so is what follows
	 * it. */
	buf_init(&line, LINE_MAX_BYTES);
	if (clock_fn != NULL)
		put_field_text(&line, "time", timestamp_format_ms(now, text));
	put_field_text(&line, "level", level_names[level]);
	put_field_text(&line, "subject", subject);
	put_field_text(&line, "event", event);
	for (const struct log_field *field = fields; field->key != NULL;
	     field++) {
		size_t before = line.n;

		put_field(&line, field);
		if (line.overflow || line.n > LINE_MAX_BYTES - 32) {
			line.n = before;
			line.overflow = false;
			put_field_text(&line, "truncated", field->key);
			break;
		}
	}
	buf_puts(&line, format == LOG_JSON ? "}\n" : "\n");
	write_all(line.p, line.n);
	buf_fini(&line);
}

/* Prints the count of what was held back in a period that is over. */
static void
end_period(struct limiter_slot *slot, wall_t now)
{
	if (slot->held != 0) {
		put_line(slot->level, slot->subject, slot->event,
		    (const struct log_field[]){
			LOG_INT("suppressed", slot->held), { .key = NULL } },
		    now);
		slots_holding--;
	}
	*slot = (struct limiter_slot){ 0 };
}

static bool
is_over(const struct limiter_slot *slot, wall_t now)
{
	dur_t age = wall_since(now, slot->since);

	return age.ns < 0 || age.ns >= LIMITER_PERIOD.ns;
}

static bool
is_for(const struct limiter_slot *slot, const char *subject, const char *event)
{
	return slot->subject != NULL && strcmp(slot->subject, subject) == 0 &&
	       strcmp(slot->event, event) == 0;
}

/* The slot of this line: its own, a free one, or the next to be given up. */
static struct limiter_slot *
find_slot(const char *subject, const char *event, wall_t now)
{
	uint64_t hash = hash_mix(hash_bytes(subject, strlen(subject)),
	    hash_bytes(event, strlen(event)));
	struct limiter_slot *victim = NULL;

	for (size_t i = 0; i < 8; i++) {
		struct limiter_slot *slot = &slots[(hash + i) % LIMITER_SLOTS];

		if (is_for(slot, subject, event))
			return slot;
		if (victim == NULL ||
		    (victim->subject != NULL &&
			(slot->subject == NULL ||
			    wall_before(slot->since, victim->since))))
			victim = slot;
	}
	if (victim->subject != NULL)
		end_period(victim, now);
	return victim;
}

/* May this line be printed? */
static bool
admit(enum log_level level, const char *subject, const char *event, wall_t now)
{
	struct limiter_slot *slot;

	for (size_t i = 0; i < LIMITER_SLOTS && slots_holding != 0; i++)
		if (slots[i].held != 0 && is_over(&slots[i], now))
			end_period(&slots[i], now);
	slot = find_slot(subject, event, now);
	if (slot->subject != NULL && is_over(slot, now))
		end_period(slot, now);
	if (slot->subject == NULL)
		*slot =
		    (struct limiter_slot){ subject, event, now, level, 0, 0 };
	if (slot->printed < LOG_BURST) {
		slot->printed++;
		return true;
	}
	if (slot->held++ == 0)
		slots_holding++;
	return false;
}

void
log_write(enum log_level level, const char *subject, const char *event,
    const struct log_field *fields)
{
	wall_t now = WALL_NONE;

	if (!log_enabled(level))
		return;
	pthread_mutex_lock(&mtx);
	if (clock_fn != NULL)
		now = clock_fn();
	if (clock_fn == NULL || level == LOG_DEBUG ||
	    admit(level, subject, event, now))
		put_line(level, subject, event, fields, now);
	pthread_mutex_unlock(&mtx);
}
