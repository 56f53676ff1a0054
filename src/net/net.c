/* SPDX-License-Identifier: Apache-2.0 */
/* Process-wide set-up of the room. */
#include "config.h"

#include <signal.h>

#include <curl/curl.h>

#include "net/xfer.h"

int
net_init(struct err *err)
{
	const curl_version_info_data *info;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_IO, "libcurl could not be initialised");
	info = curl_version_info(CURLVERSION_NOW);
	/* Without it one slow name server would stop every evaluation. */
	if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
		return err_set(err, ERR_INVALID,
		    "this libcurl (%s) cannot resolve names asynchronously",
		    info->version);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

void
net_fini(void)
{
	curl_global_cleanup();
}
