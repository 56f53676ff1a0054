/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is stored of a silence: its row, with the matchers in a binary form
 * that is read again at start, and its lines in the history.
 */
#include "config.h"

#include <stdlib.h>

#include "base/timestamp.h"
#include "base/xalloc.h"
#include "route/silences_internal.h"

#define MATCHERS_ENCODING 1u /* first byte */

static void
put_bytes(struct buf *out, struct str s)
{
	buf_put_u32le(out, s.n);
	buf_put_str(out, s);
}

/* Binary, so that no quoting rule stands between a value and its restart. */
static void
matchers_encode(const struct matchers *matchers, struct buf *out)
{
	buf_putc(out, (char)MATCHERS_ENCODING);
	buf_put_u32le(out, matchers->n);
	for (uint32_t i = 0; i < matchers->n; i++) {
		buf_putc(out, (char)matchers->m[i].op);
		put_bytes(out, istr_str(matchers->m[i].name));
		put_bytes(out, istr_str(matchers->m[i].value));
	}
}

static bool
take_u8(struct str *in, uint32_t *ret)
{
	if (in->n < 1)
		return false;
	*ret = (unsigned char)in->p[0];
	*in = str_make(in->p + 1, in->n - 1);
	return true;
}

static bool
take_bytes(struct str *in, struct str *ret)
{
	uint32_t n;

	if (in->n < 4 || (n = get_u32le(in->p)) > in->n - 4)
		return false;
	*ret = str_make(in->p + 4, n);
	*in = str_make(in->p + 4 + n, in->n - 4 - n);
	return true;
}

struct matchers *
silence_matchers_decode(struct str in, struct err *err)
{
	struct matcher *m;
	uint32_t version, n, made = 0, op;
	struct str name, value;
	bool good = true;

	if (!take_u8(&in, &version) || version != MATCHERS_ENCODING || in.n < 4 ||
	    (n = get_u32le(in.p)) > SILENCE_MATCHERS_MAX) {
		err_set(err, ERR_INVALID, "matchers are mangled");
		return NULL;
	}
	in = str_make(in.p + 4, in.n - 4);
	m = xcalloc(n > 0 ? n : 1, sizeof(*m));
	while (good && made < n) {
		good = false;
		if (!take_u8(&in, &op) || op > MATCH_NOT_REGEX || !take_bytes(&in, &name) ||
		    !take_bytes(&in, &value))
			err_set(err, ERR_INVALID, "matchers are mangled");
		else if (matcher_make((enum matcher_op)op, name, value, &m[made], err) == 0)
			good = true;
		if (good)
			made++;
	}
	struct matchers *matchers = good ? matchers_new(m, n, false) : NULL;
	for (uint32_t i = 0; matchers == NULL && i < made; i++)
		matcher_fini(&m[i]);
	free(m);
	return matchers;
}

void
silence_write_row(struct silences *silences, const struct silence *silence)
{
	struct buf matchers = { 0 };

	if (silences->store == NULL)
		return;
	matchers_encode(silence->matchers, &matchers);
	store_silence_put(silences->store, &(struct silence_row){
					       .id = str_from(silence->id),
					       .matchers = buf_str(&matchers),
					       .starts_at = silence->starts_at,
					       .ends_at = silence->ends_at,
					       .updated_at = silence->updated_at,
					       .created_by = str_from(silence->created_by),
					       .comment = str_from(silence->comment),
					       .annotations = str_from(silence->annotations),
					       .until_resolved = silence->until_resolved,
					       .matched_at = silence->matched_at,
					   });
	buf_fini(&matchers);
}

void
silence_write_history(
    struct silences *silences, const struct silence *silence, const char *kind, wall_t now)
{
	struct buf detail = { 0 };
	char ends[TIMESTAMP_TEXT_MAX];

	if (silences->store == NULL)
		return;
	matchers_format(silence->matchers, &detail);
	buf_printf(&detail, " until %s by %s: %s", timestamp_format_ms(silence->ends_at, ends),
	    silence->created_by, silence->comment);
	store_history_add(silences->store, &(struct history_row){
					       .at = now,
					       .kind = str_from(kind),
					       .subject = str_from(silence->id),
					       .detail = buf_str(&detail),
					   });
	buf_fini(&detail);
}
