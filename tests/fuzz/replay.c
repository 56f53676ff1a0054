/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target on the files named, for builds without libFuzzer: the
 * corpus is replayed in every build, fuzzing needs clang.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "fuzz.h"

static int
replay(const char *path)
{
	struct buf input = { 0 };
	char piece[4096];
	size_t n;
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		perror(path);
		return -1;
	}
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_put(&input, piece, n);
	fclose(file);
	LLVMFuzzerTestOneInput(
	    (const uint8_t *)buf_str(&input).p, input.n);
	buf_fini(&input);
	return 0;
}

int
main(int argc, char **argv)
{
	int rc = EXIT_SUCCESS;

	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]) < 0)
			rc = EXIT_FAILURE;
	}
	printf("%d inputs\n", argc - 1);
	return rc;
}
