/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the scenario language share: story.c (lines, statements),
 * story_words.c (their words), story_expect.c (what is expected).
 */
#pragma once

#include <stdio.h>

#include "sim.h"

#define SILENCES_NAMED_MAX 16
#define LINE_MAX_BYTES     4096

struct story {
	struct sim sim;
	const char *path;
	FILE *file;
	char line[LINE_MAX_BYTES];
	unsigned number;
	const char *p; /* the rest of the line */
	bool has_within;
	wall_t deadline; /* of within */
	bool aligned;
	struct {
		char name[32], id[37];
	} silences[SILENCES_NAMED_MAX];
	uint32_t n_silences;
};

bool story_at_end(struct story *story);
bool story_read_word(struct story *story, char *out, size_t size);
/* Takes the word if it comes next. */
bool story_accept(struct story *story, const char *word);
void story_expect_word(struct story *story, const char *word);
dur_t story_read_duration(struct story *story);
/* Name{a="b", c="d"}; the name is alertname. NULL at the end of the line. */
json_object *story_read_labels(struct story *story);
const char *story_silence_id(struct story *story);
bool story_read_quoted(struct story *story, struct buf *out);
void story_do_expect(struct story *story);
/* A notification that came and went without being expected. */
void story_check_leftovers(struct story *story, wall_t before);
