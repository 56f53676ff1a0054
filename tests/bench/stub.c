/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of the benchmark, cheap enough not to be what is measured.
 *
 * stub serve                    prints its port, then serves for ever:
 *   /api/v1/query?query=NAME_nK_I  a vector of K series
 *   POST /sink                  a webhook: counts alerts by fingerprint
 *   /wait?queries=N, /wait?alerts=N  answers with /stats when as many were seen
 *   /stats                      {"queries":N,"messages":N,"alerts":N}
 * stub load PORT ALERTS BATCH CONNECTIONS GROUPS [CAUSES RULES]
 *   posts so many firing alerts to /api/v2/alerts, prints the seconds taken;
 *   the first CAUSES are critical ones named Cause0 to CauseRULES-1 on the
 *   hosts of the alerts from the middle on, and a group's alerts follow each
 *   other
 *
 * One thread, keep-alive, requests one at a time per connection: all that
 * the programs under test need.
 */
#include "config.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define REQUEST_MAX     (16u << 20)
#define SEEN_MAX        (1u << 19) /* a power of two, well above the alerts of a run */
#define SERIES_MAX      1000
#define ANSWER_MAX      (256u << 10)
#define ALERT_MAX       1024
#define SENDERS_MAX     64

struct connection {
	int fd;
	char *in;
	size_t n, cap;
	char *out;
	size_t out_n, out_at;
	uint64_t wait_queries, wait_alerts; /* answered when reached; 0: no wait */
};

static int epoll_fd;
static struct connection *connections[CONNECTIONS_MAX];
static uint64_t n_queries, n_messages, n_alerts;
static uint64_t seen[SEEN_MAX];

static void
die(const char *what)
{
	fprintf(stderr, "stub: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *
grow(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	if (p == NULL)
		die("memory");
	return p;
}

/* --- connections ------------------------------------------------------------- */

static void
drop(struct connection *c)
{
	connections[c->fd] = NULL;
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

static void
flush_out(struct connection *c)
{
	while (c->out_at < c->out_n) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);

		if (n < 0)
			break;
		c->out_at += (size_t)n;
	}
	struct epoll_event event = { .events = EPOLLIN, .data.fd = c->fd };

	if (c->out_at < c->out_n)
		event.events |= EPOLLOUT;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void
answer(struct connection *c, const char *body, size_t n)
{
	char head[160];
	int head_n = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    n);

	c->out = grow(c->out, (size_t)head_n + n + 1);
	memcpy(c->out, head, (size_t)head_n);
	memcpy(c->out + head_n, body, n);
	c->out_n = (size_t)head_n + n;
	c->out_at = 0;
	flush_out(c);
}

static void
answer_stats(struct connection *c)
{
	char text[160];
	int n = snprintf(text, sizeof(text),
	    "{\"queries\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"alerts\":%" PRIu64 "}\n",
	    n_queries, n_messages, n_alerts);

	answer(c, text, (size_t)n);
}

static bool
wait_is_over(const struct connection *c)
{
	return n_queries >= c->wait_queries && n_alerts >= c->wait_alerts;
}

static void
wake_waiting(void)
{
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = connections[i];

		if (c == NULL || (c->wait_queries == 0 && c->wait_alerts == 0) || !wait_is_over(c))
			continue;
		c->wait_queries = c->wait_alerts = 0;
		answer_stats(c);
	}
}

/* --- requests ------------------------------------------------------------------ */

static uint64_t
number_after(const char *text, const char *end, const char *mark)
{
	const char *p = memmem(text, (size_t)(end - text), mark, strlen(mark));
	uint64_t n = 0;

	if (p == NULL)
		return 0;
	for (p += strlen(mark); p < end && *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	return n;
}

/* K series, made once for each K. */
static const char *
vector(uint64_t k, size_t *ret_n)
{
	static char *made[SERIES_MAX + 1];
	static size_t sizes[SERIES_MAX + 1];
	size_t n = 0;

	if (k > SERIES_MAX)
		k = SERIES_MAX;
	if (made[k] == NULL) {
		char *p = grow(NULL, ANSWER_MAX);

		n = (size_t)snprintf(p, ANSWER_MAX,
		    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
		for (uint64_t i = 0; i < k; i++)
			n += (size_t)snprintf(p + n, ANSWER_MAX - n,
			    "%s{\"metric\":{\"__name__\":\"bench\",\"instance\":\"host-%" PRIu64
			    ":9100\",\"job\":\"model\",\"region\":\"eu\"},"
			    "\"value\":[1767225600,\"%" PRIu64 ".5\"]}",
			    i > 0 ? "," : "", i, i);
		n += (size_t)snprintf(p + n, ANSWER_MAX - n, "]}}");
		made[k] = p;
		sizes[k] = n;
	}
	*ret_n = sizes[k];
	return made[k];
}

static int
hex(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Each alert of a webhook body carries "fingerprint":"16 hex digits". */
static void
count_alerts(const char *p, const char *end)
{
	static const char mark[] = "\"fingerprint\":\"";

	while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) != NULL) {
		uint64_t fingerprint = 0;

		p += sizeof(mark) - 1;
		for (int i = 0; i < 16 && p < end; i++)
			fingerprint = fingerprint << 4 | (uint64_t)hex(*p++);
		fingerprint |= fingerprint == 0;
		size_t at = fingerprint * UINT64_C(0x9e3779b97f4a7c15) >> 45;

		while (seen[at] != 0 && seen[at] != fingerprint)
			at = (at + 1) % SEEN_MAX;
		n_alerts += seen[at] == 0;
		seen[at] = fingerprint;
	}
}

static void
take_request(struct connection *c, const char *head, const char *body, const char *end)
{
	if (memmem(head, (size_t)(body - head), " /sink", 6) != NULL) {
		n_messages++;
		count_alerts(body, end);
		answer(c, "{}", 2);
		wake_waiting();
	} else if (memmem(head, (size_t)(body - head), " /wait?", 7) != NULL) {
		c->wait_queries = number_after(head, body, "queries=");
		c->wait_alerts = number_after(head, body, "alerts=");
		wake_waiting();
	} else if (memmem(head, (size_t)(body - head), " /stats", 7) != NULL) {
		answer_stats(c);
	} else {
		size_t n;
		const char *text = vector(number_after(head, end, "_n"), &n);

		n_queries++;
		answer(c, text, n);
		wake_waiting();
	}
}

/* The first whole request in the buffer, if there is one: its end. */
static const char *
request_end(const struct connection *c, const char **ret_body)
{
	const char *blank = memmem(c->in, c->n, "\r\n\r\n", 4);
	uint64_t length = 0;

	if (blank == NULL)
		return NULL;
	for (const char *p = c->in; p < blank; p++)
		if (*p == '\n' && strncasecmp(p + 1, "content-length: ", 16) == 0)
			length = number_after(p + 1, blank + 2, ": ");
	*ret_body = blank + 4;
	return (size_t)(c->in + c->n - *ret_body) >= length ? *ret_body + length : NULL;
}

static void
on_readable(struct connection *c)
{
	const char *body, *end;
	ssize_t got;

	if (c->cap - c->n < 65536) {
		c->cap = c->cap * 2 + 131072;
		if (c->cap > REQUEST_MAX)
			die("a request is too large");
		c->in = grow(c->in, c->cap);
	}
	got = recv(c->fd, c->in + c->n, c->cap - c->n - 1, 0);
	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			drop(c);
		return;
	}
	c->n += (size_t)got;
	c->in[c->n] = '\0';
	while ((end = request_end(c, &body)) != NULL) {
		take_request(c, c->in, body, end);
		c->n -= (size_t)(end - c->in);
		memmove(c->in, end, c->n);
		c->in[c->n] = '\0';
	}
}

static void
add_connection(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	int one = 1;

	if (fd >= CONNECTIONS_MAX)
		die("too many connections");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	connections[fd] = grow(NULL, sizeof(struct connection));
	*connections[fd] = (struct connection){ .fd = fd };
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void
serve(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	struct epoll_event events[256];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	epoll_fd = epoll_create1(0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		die("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 256, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = connections[events[i].data.fd];
			int accepted;

			if (events[i].data.fd == fd) {
				while ((accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
					add_connection(accepted);
				continue;
			}
			if (c != NULL && (events[i].events & EPOLLOUT) != 0)
				flush_out(c);
			if (c != NULL && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
				on_readable(c);
		}
	}
}

/* --- load ------------------------------------------------------------------------- */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
number(const char *text)
{
	return number_after(text, text + strlen(text), "");
}

struct sender {
	int fd;
	char answer[4096];
	size_t n;
};

struct load {
	uint64_t alerts, batch, groups, next;
	uint64_t causes, rules; /* 0: none */
	struct sockaddr_in address;
	char *body;
};

static void
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			die("send");
		p += sent;
		n -= (size_t)sent;
	}
}

/* Six labels and two annotations, as a rule for a model would have. */
static size_t
put_alert(char *p, const struct load *load, uint64_t i)
{
	bool cause = i < load->causes;
	uint64_t host = cause ? load->alerts / 2 + i : i, name = i % load->groups;

	if (cause)
		name = i % load->rules;
	else if (load->causes > 0)
		name = (i - load->causes) * (load->groups - load->rules) /
		       (load->alerts - load->causes);
	return (size_t)snprintf(p, ALERT_MAX,
	    "{\"labels\":{\"alertname\":\"%s%" PRIu64 "\",\"instance\":\"host-%" PRIu64
	    ":9100\",\"job\":\"model-server\",\"model\":\"ranker\",\"region\":\"eu-west-1\","
	    "\"severity\":\"%s\"},\"annotations\":{\"summary\":\"latency of host-%" PRIu64
	    " is high\",\"runbook_url\":\"https://runbooks.example/latency\"},"
	    "\"generatorURL\":\"http://prometheus.example/graph\"},",
	    cause ? "Cause" : "Alert", name, host, cause ? "critical" : "warning", host);
}

static void
post_batch(struct load *load, struct sender *sender)
{
	uint64_t left = load->alerts - load->next;
	uint64_t end = load->next + (load->batch < left ? load->batch : left);
	char head[160];
	size_t n = 1;

	load->body[0] = '[';
	for (; load->next < end; load->next++)
		n += put_alert(load->body + n, load, load->next);
	load->body[n - 1] = ']';
	int head_n = snprintf(head, sizeof(head),
	    "POST /api/v2/alerts HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    n);

	send_all(sender->fd, head, (size_t)head_n);
	send_all(sender->fd, load->body, n);
	sender->n = 0;
}

/* The status line and an empty or short body: one answer. */
static bool
answer_is_whole(const struct sender *sender)
{
	const char *end = sender->answer + sender->n;
	const char *blank = memmem(sender->answer, sender->n, "\r\n\r\n", 4);

	if (blank == NULL)
		return false;
	for (const char *p = sender->answer; p < blank; p++)
		if (*p == '\n' && strncasecmp(p + 1, "content-length: ", 16) == 0)
			return (uint64_t)(end - blank - 4) >= number_after(p + 1, blank + 2, ": ");
	return true;
}

static void
open_sender(const struct load *load, struct sender *sender)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = sender };
	int one = 1;

	sender->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (sender->fd < 0 ||
	    connect(sender->fd, (const struct sockaddr *)&load->address, sizeof(load->address)) < 0)
		die("connect");
	setsockopt(sender->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, sender->fd, &event);
}

/* One batch under way on each connection. */
static int
run_load(struct load *load, uint64_t n_senders)
{
	static struct sender senders[SENDERS_MAX];
	uint64_t under_way = 0;
	double start;

	epoll_fd = epoll_create1(0);
	for (uint64_t i = 0; i < n_senders; i++)
		open_sender(load, &senders[i]);
	start = now();
	for (uint64_t i = 0; i < n_senders && load->next < load->alerts; i++, under_way++)
		post_batch(load, &senders[i]);
	while (under_way > 0) {
		struct epoll_event event;

		if (epoll_wait(epoll_fd, &event, 1, -1) < 1)
			continue;
		struct sender *sender = event.data.ptr;
		ssize_t got = recv(
		    sender->fd, sender->answer + sender->n, sizeof(sender->answer) - sender->n, 0);

		if (got <= 0)
			die("the server hung up");
		sender->n += (size_t)got;
		if (!answer_is_whole(sender))
			continue;
		if (memcmp(sender->answer, "HTTP/1.1 200", 12) != 0) {
			fprintf(stderr, "stub: %.*s\n", (int)sender->n, sender->answer);
			return 1;
		}
		if (load->next < load->alerts)
			post_batch(load, sender);
		else
			under_way--;
	}
	printf("%.6f\n", now() - start);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	if ((argc == 7 || argc == 9) && strcmp(argv[1], "load") == 0) {
		uint64_t n_senders = number(argv[5]);
		struct load load = {
			.alerts = number(argv[3]),
			.batch = number(argv[4]),
			.groups = number(argv[6]),
			.causes = argc == 9 ? number(argv[7]) : 0,
			.rules = argc == 9 ? number(argv[8]) : 0,
			.address = { .sin_family = AF_INET,
			    .sin_port = htons((uint16_t)number(argv[2])),
			    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
		};

		if (load.batch > 0 && load.groups > 0 && n_senders > 0 &&
		    n_senders <= SENDERS_MAX && load.causes < load.alerts &&
		    load.rules < load.groups && (load.causes == 0) == (load.rules == 0)) {
			load.body = grow(NULL, load.batch * ALERT_MAX + 2);
			return run_load(&load, n_senders);
		}
	}
	fprintf(stderr, "usage: stub serve | stub load PORT ALERTS BATCH CONNECTIONS GROUPS "
			"[CAUSES RULES]\n");
	return 2;
}
