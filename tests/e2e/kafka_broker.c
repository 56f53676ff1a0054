/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_broker TOPIC PARTITIONS: librdkafka's mock broker as a process of its
 * own.  Prints where it listens, then obeys lines of its input:
 *
 *   put MILLISECONDS HEX   a message with that time (0: now), answered "put"
 *   down | up              the broker stops or goes on, answered likewise
 *
 * It ends with its input.
 */
#include "config.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (1u << 20)

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

static size_t
unhex(const char *text, unsigned char *out)
{
	size_t n = 0;

	for (; hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0; text += 2)
		out[n++] = (unsigned char)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
	return n;
}

static void
put(rd_kafka_t *producer, const char *topic, const char *line)
{
	static unsigned char message[LINE_MAX_BYTES];
	char *rest;
	long long ms = strtoll(line, &rest, 10); /* style-ok: a test's own input */
	size_t n = unhex(rest + (*rest == ' '), message);
	rd_kafka_resp_err_t code =
	    rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(message, n),
		RD_KAFKA_V_TIMESTAMP(ms), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		code = rd_kafka_flush(producer, 10000);
	puts(code == RD_KAFKA_RESP_ERR_NO_ERROR ? "put" : rd_kafka_err2str(code));
}

int
main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	char text[200];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *own, *producer;

	if (argc != 3)
		return EXIT_FAILURE;
	own = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	cluster = own != NULL ? rd_kafka_mock_cluster_new(own, 1) : NULL;
	if (cluster == NULL)
		return EXIT_FAILURE;
	rd_kafka_mock_topic_create(cluster, argv[1], atoi(argv[2]), 1); /* style-ok: a test's own */
	conf = rd_kafka_conf_new();
	if (rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster),
		text, sizeof(text)) != RD_KAFKA_CONF_OK)
		return EXIT_FAILURE;
	producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (producer == NULL)
		return EXIT_FAILURE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts(rd_kafka_mock_cluster_bootstraps(cluster));
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strncmp(line, "put ", 4) == 0) {
			put(producer, argv[1], line + 4);
		} else if (strncmp(line, "down", 4) == 0) {
			rd_kafka_mock_broker_set_down(cluster, 1);
			puts("down");
		} else if (strncmp(line, "up", 2) == 0) {
			rd_kafka_mock_broker_set_up(cluster, 1);
			puts("up");
		}
	}
	rd_kafka_destroy(producer);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(own);
	return EXIT_SUCCESS;
}
