/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of this room stand on: a real loop with a client and
 * servers on loopback, all in one thread.  Nothing sleeps: the loop is driven
 * until a condition holds or a deadline has passed.
 */
#pragma once

#include <check.h>

#include "loop/loop.h"
#include "net/server.h"
#include "net/xfer.h"

struct world {
	struct loop *loop;
	struct xfer *xfer;
	struct xfer_lane lane;
};

void world_open(struct world *world);
void world_close(struct world *world);

/* Drives the loop until the condition holds; fails the test after a minute.
 */
#define DRIVE_UNTIL(world, condition)                                          \
	do {                                                                   \
		mono_t drive_end =                                             \
		    mono_add(loop_mono_exact((world)->loop), DUR_S(60));       \
		while (!(condition)) {                                         \
			ck_assert_msg(                                         \
			    mono_before(                                       \
				loop_mono_exact((world)->loop), drive_end),    \
			    "never became true: %s", #condition);              \
			loop_turn((world)->loop, DUR_MS(2));                   \
		}                                                              \
	} while (0)

/* Nothing is due for a while: fails when the loop spins. */
void expect_quiet(struct world *world);

/* --- what came of a request -------------------------------------------- */
struct outcome {
	uint32_t times;                /* how often done() ran */
	struct xfer_response response; /* its texts are copied below */
	char body[256], type[64];
	uint32_t order; /* the how-manieth of all outcomes of this test */
};

extern uint32_t outcomes;

/* Frees the request. arg is the struct outcome. */
void outcome_done(struct xfer_request *request,
    const struct xfer_response *response, void *arg);
struct xfer_request *get(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
void submit(
    struct world *world, struct xfer_request *request, struct outcome *outcome);
/* Submits and drives until it is over. */
void perform(
    struct world *world, struct xfer_request *request, struct outcome *outcome);

/* --- a server that follows a script, byte by byte ----------------------- */
struct line {
	const char *expect; /* until this has come in; NULL: at once */
	const char *send;   /* NULL: nothing */
	enum {
		STAY,
		CLOSE,
		RESET
	} then;
};

#define PUPPET_CLIENTS_MAX 16

struct puppet_client {
	struct puppet *puppet;
	struct watch watch;
	struct buf in;
	size_t line;
};

struct puppet {
	struct loop *loop;
	struct watch watch;
	uint16_t port;
	const struct line
	    *lines; /* ends with { 0 }: silence; each connection begins anew */
	uint32_t accepted;
	struct puppet_client clients[PUPPET_CLIENTS_MAX];
	struct buf seen; /* all that came in */
};

void puppet_open(
    struct puppet *puppet, struct world *world, const struct line *lines);
void puppet_close(struct puppet *puppet);

/* --- a client that sends what it is told -------------------------------- */
struct raw {
	int fd;
	struct buf in;
	bool ended; /* the server closed */
};

void raw_open(struct raw *raw, uint16_t port, const char *send);
void raw_send(struct raw *raw, const char *text);
/* Takes what has come; true when `text` is in it. */
bool raw_has(struct raw *raw, const char *text);
bool raw_ended(struct raw *raw);
void raw_close(struct raw *raw);

Suite *suite_xfer(void);
Suite *suite_xfer_answers(void);
Suite *suite_mail(void);
Suite *suite_server(void);
Suite *suite_server_bounds(void);
Suite *suite_server_limits(void);
Suite *suite_texts(void);
Suite *suite_guard(void);
Suite *suite_guard_roles(void);
Suite *suite_throttle(void);
Suite *suite_reach(void);
Suite *suite_options(void);
Suite *suite_tls(void);
Suite *suite_token(void);
