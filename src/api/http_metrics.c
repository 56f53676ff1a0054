/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long requests take and how large their answers are, by endpoint and
 * method, under Alertmanager's names.
 *
 * A request is counted when its answer has been sent or its client has left;
 * an endpoint is shown once it has been asked.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/xalloc.h"

static const struct histogram_bounds durations = {
	.n = 10,
	.at = { 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2, 5, 20, 60 },
	.text = { "0.05", "0.1", "0.25", "0.5", "0.75", "1", "2", "5", "20", "60" },
};
static const struct histogram_bounds sizes = {
	.n = 7,
	.at = { 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8 },
	.text = { "100", "1000", "10000", "100000", "1e+06", "1e+07", "1e+08" },
};

struct http_stats { /* of one row of the table of endpoints */
	struct histogram duration, size;
};

static void
on_end(void *arg, const struct http_call_end *end)
{
	struct api *api = arg;
	struct http_stats *stats = &api->http_stats[end->tag];

	histogram_add(&stats->duration, &durations, dur_seconds(end->took));
	histogram_add(&stats->size, &sizes, (double)end->bytes);
}

void
http_metrics_watch(struct api *api, struct http_call *call, size_t endpoint)
{
	if (api->http_stats == NULL)
		api->http_stats = xcalloc(api_n_endpoints, sizeof(*api->http_stats));
	http_call_watch(call, on_end, api, (uint32_t)endpoint);
}

static void
put_stats(const struct api *api, const char *name, const char *help, bool of_size, struct buf *out)
{
	char labels[160];

	buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
	for (size_t i = 0; api->http_stats != NULL && i < api_n_endpoints; i++) {
		const struct http_stats *stats = &api->http_stats[i];
		size_t n;

		if (histogram_count(&stats->duration) == 0)
			continue;
		n = (size_t)snprintf(labels, sizeof(labels), "handler=\"%s\",method=\"%s\"",
		    api_endpoints[i].path, api_endpoints[i].method);
		for (size_t k = n - strlen(api_endpoints[i].method) - 1; k < n; k++)
			if (labels[k] >= 'A' && labels[k] <= 'Z')
				labels[k] = (char)(labels[k] | 0x20);
		if (of_size)
			histogram_put(&stats->size, &sizes, name, labels, out);
		else
			histogram_put(&stats->duration, &durations, name, labels, out);
	}
}

void
http_metrics_put(const struct api *api, struct buf *out)
{
	put_stats(api, "alertmanager_http_request_duration_seconds",
	    "From a request to the end of its answer.", false, out);
	put_stats(api, "alertmanager_http_response_size_bytes", "Bytes of answers.", true, out);
}
