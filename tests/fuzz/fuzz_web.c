/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the web configuration, on whose reading hangs who may do what.
 * Whatever the file says, nobody without credentials becomes an admin by a
 * file that names users or tokens, and nobody has a role that there is not.
 * The input is also a network of delivery.allow_addresses and a header
 * `Authorization`.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "daemon/web_config.h"
#include "fuzz.h"
#include "net/password.h"
#include "net/reach.h"
#include "support.h"

static void
check_access(const struct guard_options *guard, struct str text)
{
	static const uint8_t none[32];
	bool asks = guard->n_users + guard->n_tokens > 0;

	for (size_t i = 0; i < guard->n_users; i++)
		if (guard->users[i].role == ROLE_NONE || guard->users[i].role >= ROLE_COUNT ||
		    guard->users[i].name[0] == '\0')
			abort();
	for (size_t i = 0; i < guard->n_tokens; i++)
		if (guard->tokens[i].role == ROLE_NONE || guard->tokens[i].role >= ROLE_COUNT ||
		    (memcmp(guard->tokens[i].sha256, none, sizeof(none)) == 0 &&
			memmem(text.p, text.n, "0000", 4) == NULL))
			abort();
	if (guard->anonymous >= ROLE_COUNT)
		abort();
	if (asks && guard->anonymous != ROLE_NONE &&
	    memmem(text.p, text.n, "anonymous", 9) == NULL && memchr(text.p, '\\', text.n) == NULL)
		abort();
}

static void
fuzz_file(struct str text)
{
	struct diag *diag = diag_new();
	struct web_config *config = web_config_load(support_file(text), diag);
	struct buf out = { 0 };

	if ((config == NULL) != (diag_errors(diag) > 0))
		abort();
	if (config != NULL)
		check_access(&config->guard, text);
	diag_print(diag, &out);
	buf_fini(&out);
	web_config_free(config);
	diag_free(diag);
}

static void
fuzz_network(struct str text)
{
	struct reach reach = { .forbid_private = true, .n_allow = 1 };
	struct err err = { 0 };

	if (network_parse(text, &reach.allow[0], &err) < 0) {
		if (err.text[0] == '\0')
			abort();
		return;
	}
	/* What lets in the loopback of both families is as wide as both. */
	if (reach.allow[0].bits > 80 && reach_allows_text(&reach, "127.0.0.1") &&
	    reach_allows_text(&reach, "::1"))
		abort();
}

static void
fuzz_header(struct str text)
{
	char *line = xmemdup0(text.p, text.n), *user = NULL, *password = NULL;

	if (password_read_basic(line, &user, &password)) {
		if (strchr(user, ':') != NULL)
			abort();
		free(user);
		free(password);
	} else if (user != NULL || password != NULL) {
		abort();
	}
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = str_make((const char *)data, size);

	fuzz_network(text);
	fuzz_header(text);
	if (!support_names_files(text))
		fuzz_file(text);
	return 0;
}
