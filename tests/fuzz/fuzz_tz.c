/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: compiled zone files (base/tz.c, which is included whole: its
 * public functions only read the system's own files), and the offset of all
 * that a wall_t can say: 1677 to 2262.
 *
 * Beyond not crashing: an abbreviation ends inside of its zone, and the same
 * moment has the same answer with and without asking for the abbreviation.
 */
#include "base/tz.c"

#include "fuzz.h"

#define SECONDS_MAX (INT64_MAX / 1000000000)

static void
check_moment(const struct tz *tz, int64_t sec)
{
	const char *abbreviation = NULL;
	int32_t offset;

	if (sec > SECONDS_MAX || sec < -SECONDS_MAX)
		return;
	offset = tz_offset(tz, sec, &abbreviation);
	if (abbreviation < (const char *)tz || abbreviation >= (const char *)(tz + 1) ||
	    memchr(abbreviation, '\0', (size_t)((const char *)(tz + 1) - abbreviation)) == NULL ||
	    tz_offset(tz, sec, NULL) != offset)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *bytes;
	struct tz *tz;

	if (size == 0 || size > ZONE_FILE_MAX)
		return 0;
	bytes = xmalloc(size);
	memcpy(bytes, data, size);
	tz = tz_new(STR("Fuzz"));
	if (read_zone(tz, bytes, size)) {
		for (int64_t sec = -SECONDS_MAX; sec < SECONDS_MAX; sec += 77777777)
			check_moment(tz, sec);
		for (uint32_t i = 0; i < tz->n && i < 64; i++) {
			check_moment(tz, tz->at[i]);
			check_moment(tz, tz->at[i] == INT64_MIN ? 0 : tz->at[i] - 1);
		}
	}
	tz_free(tz);
	free(bytes);
	return 0;
}
