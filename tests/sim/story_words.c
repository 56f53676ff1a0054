/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a scenario's line. */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "story.h"

/* --- words ------------------------------------------------------------------- */

static void
skip_space(struct story *story)
{
	while (isspace((unsigned char)*story->p))
		story->p++;
}

bool
story_at_end(struct story *story)
{
	skip_space(story);
	return *story->p == '\0' || *story->p == '#';
}

bool
story_read_word(struct story *story, char *out, size_t size)
{
	size_t n;

	if (story_at_end(story))
		return false;
	n = strcspn(story->p, " \t\n{");
	snprintf(out, size, "%.*s", (int)n, story->p);
	story->p += n;
	return n > 0;
}

/* Takes the word if it comes next. */
bool
story_accept(struct story *story, const char *word)
{
	size_t n = strlen(word);

	if (story_at_end(story) || strncmp(story->p, word, n) != 0 ||
	    (story->p[n] != '\0' && !isspace((unsigned char)story->p[n])))
		return false;
	story->p += n;
	return true;
}

void
story_expect_word(struct story *story, const char *word)
{
	if (!story_accept(story, word))
		sim_fail(&story->sim, "'%s' should be here: %s", word, story->p);
}

dur_t
story_read_duration(struct story *story)
{
	char word[64] = "";
	dur_t d = DUR_S(0);
	struct err err;

	if (!story_read_word(story, word, sizeof(word)))
		sim_fail(&story->sim, "a duration should be here");
	else if (duration_parse(str_from(word[0] == '-' ? word + 1 : word), &d, &err) < 0)
		sim_fail(&story->sim, "'%s': %s", word, err.text);
	return word[0] == '-' ? (dur_t){ -d.ns } : d;
}

bool
story_read_quoted(struct story *story, struct buf *out)
{
	if (story_at_end(story) || *story->p != '"')
		return false;
	for (story->p++; *story->p != '\0' && *story->p != '"'; story->p++) {
		if (*story->p == '\\' && story->p[1] != '\0')
			story->p++;
		buf_putc(out, *story->p);
	}
	if (*story->p == '"')
		story->p++;
	buf_puts(out, "");
	return true;
}

/* Name{a="b", c="d"}; the name is alertname. NULL at the end of the line. */
json_object *
story_read_labels(struct story *story)
{
	char name[128];
	json_object *labels;

	if (story_at_end(story))
		return NULL;
	labels = json_object_new_object();
	if (*story->p != '{' && story_read_word(story, name, sizeof(name)))
		json_object_object_add(labels, "alertname", json_object_new_string(name));
	if (*story->p != '{')
		return labels;
	for (story->p++; !story_at_end(story) && *story->p != '}';) {
		struct buf value = { 0 };
		size_t n = strcspn(story->p, "=");

		snprintf(name, sizeof(name), "%.*s", (int)n, story->p);
		story->p += n + (story->p[n] == '=');
		if (!story_read_quoted(story, &value))
			break;
		json_object_object_add(
		    labels, name, json_object_new_string(value.p != NULL ? value.p : ""));
		buf_fini(&value);
		skip_space(story);
		if (*story->p == ',')
			story->p++;
		skip_space(story);
	}
	if (*story->p == '}')
		story->p++;
	else
		sim_fail(&story->sim, "labels without end");
	return labels;
}

const char *
story_silence_id(struct story *story)
{
	char name[32] = "";

	story_read_word(story, name, sizeof(name));
	for (uint32_t i = 0; i < story->n_silences; i++)
		if (strcmp(story->silences[i].name, name) == 0)
			return story->silences[i].id;
	sim_fail(&story->sim, "no silence was called '%s'", name);
	return "";
}
