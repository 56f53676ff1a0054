/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of --web.config.file: TLS, users and headers of our own server, in
 * the format that Prometheus and Alertmanager share for it, and beyond it the
 * roles of users, tokens, and what may be done without credentials.
 */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "net/guard.h"
#include "net/tls.h"

struct web_config {
	struct arena *arena;
	bool has_tls;
	struct tls_server_options tls;
	struct guard_options guard;
};

/* diag is a fresh one. NULL with findings; what it names (certificates) was tried. */
struct web_config *web_config_load(const char *path, struct diag *diag);
void web_config_free(struct web_config *config); /* accepts NULL */
/* The tables of its keys, for the manual, and its JSON Schema. */
void web_config_put_manual(struct buf *out);
void web_config_put_json_schema(struct buf *out);
