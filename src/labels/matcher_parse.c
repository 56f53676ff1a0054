/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which grammar a matcher is read with: both in Alertmanager's fallback mode,
 * one of them in the others.  What only one of them understands means what
 * that one says; where both do and disagree, the classic grammar wins,
 * because that is what the text meant when it was written.
 */
#include "config.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "labels/matcher_internal.h"

/* style-ok: set once before the first text is read, as a flag of the program. */
static enum matcher_mode mode_chosen;

void
matcher_mode_set(enum matcher_mode mode)
{
	mode_chosen = mode;
}

bool
label_name_is_allowed(struct str name)
{
	return mode_chosen != MATCHER_CLASSIC || label_name_is_classic(name);
}

void
unescaped_init(struct unescaped *u, uint32_t bytes_max)
{
	*u = (struct unescaped){
		.p = xmalloc((size_t)bytes_max + 1),
		.at = xcalloc((size_t)bytes_max + 1, sizeof(uint32_t)),
	};
}

void
unescaped_fini(struct unescaped *u)
{
	free(u->p);
	free(u->at);
	*u = (struct unescaped){ 0 };
}

void
unescaped_put(struct unescaped *u, const char *p, uint32_t n, uint32_t at)
{
	memcpy(u->p + u->n, p, n);
	for (uint32_t i = 0; i < n; i++)
		u->at[u->n + i] = at;
	u->n += n;
}

int
matcher_list_add(struct matcher_list *list, enum matcher_op op,
    struct str name, uint32_t name_at, const struct unescaped *value,
    struct err *err)
{
	struct matcher m;
	int rc;

	if (list->n == MATCHERS_MAX)
		return err_set_at(err, ERR_LIMIT, name_at,
		    "more than %d matchers", MATCHERS_MAX);
	rc = matcher_make(
	    op, name, (struct str){ value->p, value->n }, &m, err);
	if (rc < 0) {
		err->at = err->at <= value->n ? value->at[err->at] : name_at;
		list->made_failed = true;
		return rc;
	}
	list->m = xgrow(list->m, &list->cap, list->n + 1, sizeof(m));
	list->m[list->n++] = m;
	return 0;
}

void
matcher_list_fini(struct matcher_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		matcher_fini(&list->m[i]);
	free(list->m);
	*list = (struct matcher_list){ .made_failed = list->made_failed };
}

static int
check_text(struct str text, struct err *err)
{
	if (text.n > MATCHER_TEXT_MAX)
		return err_set_at(err, ERR_LIMIT, MATCHER_TEXT_MAX,
		    "matchers are longer than %u bytes", MATCHER_TEXT_MAX);
	if (!str_is_utf8(text))
		return err_set_at(err, ERR_INVALID, 0,
		    "matchers are not valid UTF-8");
	return 0;
}

static int
parse_utf8(struct str text, bool single, struct matcher_list *list, struct err *err)
{
	int rc = matcher_parse_utf8(text, list, err);

	if (rc < 0 || !single || list->n == 1)
		return rc;
	rc = list->n == 0 ? err_set_at(err, ERR_INVALID, text.n,
				"expected a matcher such as name=\"value\"")
			  : err_set_at(err, ERR_INVALID, 0, "expected one matcher, found %zu",
				list->n);
	matcher_list_fini(list);
	return rc;
}

static bool
read_alike(const struct matcher_list *a, const struct matcher_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->m[i].op != b->m[i].op || a->m[i].name != b->m[i].name ||
		    a->m[i].value != b->m[i].value)
			return false;
	return true;
}

static int
parse_either(struct str text, bool single, struct matcher_list *ret, struct err *ret_err)
{
	struct matcher_list classic = { 0 }, utf8 = { 0 };
	struct err classic_err = { 0 }, utf8_err = { 0 };
	int rc = parse_utf8(text, single, &utf8, &utf8_err);

	if (matcher_parse_classic(text, single, &classic, &classic_err) == 0) {
		if (rc == 0 && !read_alike(&classic, &utf8))
			log_warn("matchers",
			    "the classic and the UTF-8 syntax differ in this text; it is read as "
			    "classic",
			    LOG_STR("text", str_head(text, 200)));
		matcher_list_fini(&utf8);
		*ret = classic;
		return 0;
	}
	if (rc == 0) {
		*ret = utf8;
		return 0;
	}
	/*
	 * The classic grammar knows few mistakes; when it got as far as the
	 * regular expression, that one is the mistake.
	 */
	if (ret_err != NULL)
		*ret_err = classic.made_failed ? classic_err : utf8_err;
	return rc;
}

static int
parse_chosen(struct str text, bool single, struct matcher_list *ret, struct err *err)
{
	int rc = check_text(text, err);

	if (rc < 0)
		return rc;
	switch (mode_chosen) {
	case MATCHER_FALLBACK:
		return parse_either(text, single, ret, err);
	case MATCHER_UTF8:
		*ret = (struct matcher_list){ 0 };
		return parse_utf8(text, single, ret, err);
	case MATCHER_CLASSIC:
		*ret = (struct matcher_list){ 0 };
		return matcher_parse_classic(text, single, ret, err);
	}
	return -ERR_INVALID;
}

int
matcher_parse(struct str text, struct matcher *ret, struct err *err)
{
	struct matcher_list list;
	int rc;

	if (text.n > 0 && text.p[0] == '{')
		return err_set_at(err, ERR_INVALID, 0,
		    "unexpected open brace: one matcher is expected here, "
		    "without braces");
	if (text.n > 0 && text.p[text.n - 1] == '}')
		return err_set_at(err, ERR_INVALID, text.n - 1,
		    "unexpected close brace: one matcher is expected here; "
		    "quote the value if the brace belongs to it");
	rc = parse_chosen(text, true, &list, err);
	if (rc < 0)
		return rc;
	*ret = list.m[0];
	free(list.m);
	return 0;
}

struct matchers *
matchers_parse(struct str text, struct err *err)
{
	struct matcher_list list;
	struct matchers *ms;

	if (parse_chosen(text, false, &list, err) < 0)
		return NULL;
	ms = matchers_new(list.m, (uint32_t)list.n, false);
	free(list.m);
	return ms;
}
