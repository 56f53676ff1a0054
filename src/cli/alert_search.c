/* SPDX-License-Identifier: Apache-2.0 */
/* Finding alerts on a running server: see the header. */
#include "config.h"

#include "cli/alert_search.h"

#include <string.h>

bool
alert_is_fingerprint(const char *word)
{
	return strlen(word) == FINGERPRINT_LENGTH &&
	       strspn(word, "0123456789abcdef") == FINGERPRINT_LENGTH;
}

void
alert_search_found(struct alert_search *search, const char *fingerprint)
{
	if (!alert_is_fingerprint(fingerprint))
		return;
	for (uint32_t i = 0; i < search->n; i++)
		if (strcmp(search->found[i], fingerprint) == 0)
			return;
	if (search->n == ALERT_SEARCH_MAX)
		search->more++;
	else
		memcpy(search->found[search->n++], fingerprint, FINGERPRINT_LENGTH + 1);
}

/* An alert, or an event of one: incidents have events, too. */
static bool
is_of_an_alert(json_object *item)
{
	const char *kind = member_text(item, "kind");

	return kind[0] == '\0' || strcmp(kind, "pending") == 0 || strcmp(kind, "firing") == 0 ||
	       strcmp(kind, "resolved") == 0;
}

/* A bare word is an alert's name. */
static void
add_filters(struct buf *path, const struct arg_words *words, uint32_t first)
{
	for (uint32_t i = first; i < words->n; i++) {
		struct buf matcher = { 0 };

		if (strpbrk(words->items[i], "=~{") != NULL)
			buf_puts(&matcher, words->items[i]);
		else
			buf_printf(&matcher, "alertname=\"%s\"", words->items[i]);
		remote_add_param(path, "filter", buf_str(&matcher).p);
		buf_fini(&matcher);
	}
}

static int
search_list(const struct remote *remote, struct buf *path, const char *list_name,
    struct alert_search *search)
{
	json_object *answer = NULL;
	int code = remote_call(remote, "GET", path->p, NULL, &answer);
	json_object *list = list_name != NULL ? member(answer, list_name) : answer;
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *item = json_object_array_get_idx(list, i);

		if (is_of_an_alert(item))
			alert_search_found(search, member_text(item, "fingerprint"));
	}
	json_object_put(answer);
	buf_fini(path);
	return code;
}

int
alert_search_firing(const struct remote *remote, const struct arg_words *words, uint32_t first,
    struct alert_search *search)
{
	struct buf path = { 0 };

	buf_puts(&path, "/api/v2/alerts");
	add_filters(&path, words, first);
	return search_list(remote, &path, NULL, search);
}

int
alert_search_history(const struct remote *remote, const struct arg_words *words, uint32_t first,
    const char *until, struct alert_search *search)
{
	struct buf path = { 0 };

	buf_puts(&path, "/api/tocsin/v1/history?limit=50");
	if (until != NULL)
		remote_add_param(&path, "until", until);
	add_filters(&path, words, first);
	return search_list(remote, &path, "events", search);
}
