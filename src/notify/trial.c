/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of receivers: see trial.h. */
#include "config.h"

#include "notify/trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"

struct trial;

/* To one integration. */
struct attempt {
	struct trial *trial;
	struct target *target;
	const struct receiver_ops *ops;
	const void *settings;
	struct arena *arena;
	struct xfer_request *request;
	struct notification notification;
	struct trial_result *result;
};

struct trial {
	struct notifier *notifier;
	struct config *config; /* whose settings are used */
	struct labels *labels, *annotations;
	trial_fn *fn;
	void *arg;
	struct timer done;
	uint32_t n, left;
	struct attempt *attempts;
	struct trial_result *results;
};

static void
finish(void *arg)
{
	struct trial *trial = arg;

	trial->fn(trial->arg, trial->results, trial->n);
	for (uint32_t i = 0; i < trial->n; i++) {
		xfer_request_free(trial->attempts[i].request);
		arena_free(trial->attempts[i].arena);
	}
	labels_unref(trial->labels);
	labels_unref(trial->annotations);
	config_unref(trial->config);
	free(trial->attempts);
	free(trial->results);
	free(trial);
}

/* In a turn of its own, also when nothing went over the network. */
static void
one_less(struct trial *trial)
{
	struct loop *loop = trial->notifier->options.loop;

	if (--trial->left == 0)
		loop_timer_set(loop, &trial->done, loop_mono(loop));
}

static void on_answer(
    struct xfer_request *request, const struct xfer_response *response, void *arg);

/* The request of this step. */
static int
ask(struct attempt *attempt, struct err *err)
{
	struct notifier *notifier = attempt->trial->notifier;
	int rc;

	xfer_request_free(attempt->request);
	attempt->request = outgoing_request(attempt->trial->config);
	rc = attempt->ops->render(
	    attempt->settings, &attempt->notification, attempt->arena, attempt->request, err);
	if (rc < 0)
		return rc;
	notifier->in_flight++;
	xfer_submit(notifier->options.xfer, &attempt->target->lane, attempt->request, on_answer,
	    attempt);
	return 0;
}

/* Of several requests the last one's answer counts, unless one before it fails. */
static bool
goes_on(struct attempt *attempt, struct verdict *verdict)
{
	struct notification *n = &attempt->notification;
	struct err err = { 0 };

	if (verdict->kind != DELIVERY_OK || !verdict->more || attempt->trial->notifier->closing)
		return false;
	n->step++;
	n->carried = arena_str(attempt->arena, str_from(verdict->carry));
	if (ask(attempt, &err) == 0)
		return true;
	verdict->kind = DELIVERY_REJECTED;
	snprintf(verdict->text, sizeof(verdict->text), "%.*s",
	    STR_ARG(str_head(str_from(err.text), sizeof(verdict->text) - 1)));
	return false;
}

static void
on_answer(struct xfer_request *request, const struct xfer_response *response, void *arg)
{
	struct attempt *attempt = arg;
	struct notifier *notifier = attempt->trial->notifier;
	struct verdict verdict =
	    attempt->ops->classify(attempt->settings, &attempt->notification, response);
	struct trial_result *result = attempt->result;

	(void)request;
	notifier->in_flight--;
	result->status = response->status;
	result->took.ns += response->took.ns;
	if (goes_on(attempt, &verdict))
		return;
	result->outcome = verdict.kind == DELIVERY_OK	      ? TRIAL_DELIVERED
			  : verdict.kind == DELIVERY_REJECTED ? TRIAL_REFUSED
							      : TRIAL_FAILED;
	if (verdict.kind == DELIVERY_OK)
		snprintf(result->text, sizeof(result->text), "%.*s",
		    STR_ARG(str_head(str_trim(response->body), 200)));
	else
		snprintf(result->text, sizeof(result->text), "%s", verdict.text);
	if (notifier->closing) {
		bool was_last = notifier->in_flight == 0;

		if (--attempt->trial->left == 0)
			finish(attempt->trial);
		if (was_last)
			notifier_destroy(notifier);
		return;
	}
	one_less(attempt->trial);
}

static void
fill(struct attempt *attempt)
{
	struct trial *trial = attempt->trial;
	struct notification *n = &attempt->notification;
	struct notified_alert *alert = ARENA_NEW(attempt->arena, struct notified_alert);
	wall_t now = loop_now(trial->notifier->options.loop);

	*alert = (struct notified_alert){
		.labels = trial->labels,
		.annotations = trial->annotations,
		.starts_at = now,
		.firing = true,
	};
	*n = (struct notification){
		.receiver = attempt->target->receiver,
		.group_key = STR("test:{alertname=\"" TRIAL_ALERTNAME "\"}"),
		.group_labels = trial->labels,
		.external_url = trial->notifier->options.external_url,
		.alerts = alert,
		.n_alerts = 1,
		.reason = "test",
		.delivery_id = store_next_id(trial->notifier->options.store),
		.now = now,
		.sending_at = now,
	};
	message_sum_up(n, attempt->arena);
}

static void
start(struct attempt *attempt)
{
	struct trial_result *result = attempt->result;
	struct err err = { 0 };
	int rc;

	fill(attempt);
	result->target = attempt->target->name;
	if (attempt->ops->write != NULL) {
		rc = attempt->ops->write(attempt->settings, &attempt->notification, &err);
	} else {
		rc = ask(attempt, &err);
		if (rc == 0)
			return;
	}
	result->outcome = rc == 0 ? TRIAL_DELIVERED : TRIAL_REFUSED;
	snprintf(result->text, sizeof(result->text), "%s", rc == 0 ? "written" : err.text);
	one_less(attempt->trial);
}

static struct labels *
intern(const struct label_view *views, uint32_t n)
{
	struct arena *arena = arena_new(0);
	struct labels_builder builder;
	struct labels *labels;
	struct err err;

	labels_builder_init(&builder, arena);
	for (uint32_t i = 0; i < n; i++)
		labels_builder_set(&builder, views[i].name, views[i].value);
	labels = labels_intern(&builder, &err);
	arena_free(arena);
	return labels;
}

static void
say_what(struct trial *trial, const struct receiver_config *receiver, struct str by)
{
	struct buf summary = { 0 };

	buf_printf(&summary, "This is a test of receiver %.200s, sent by %.*s. Nothing is wrong.",
	    receiver->name, STR_ARG(by.n > 0 ? str_head(by, 200) : STR("somebody")));
	trial->labels = intern(
	    (const struct label_view[]){ { STR("alertname"), STR(TRIAL_ALERTNAME) },
		{ STR("severity"), STR("info") } },
	    2);
	trial->annotations = intern(
	    (const struct label_view[]){ { STR("summary"), buf_str(&summary) } }, 1);
	if (trial->annotations == NULL) /* a name that is not UTF-8 */
		trial->annotations = intern(NULL, 0);
	buf_fini(&summary);
}

int
notifier_try(struct notifier *notifier, struct str name, struct str by, trial_fn *fn, void *arg,
    struct err *err)
{
	char *z = xmemdup0(name.p, name.n);
	const struct receiver_config *receiver = config_receiver(notifier->config, z);
	struct buf target = { 0 };
	struct trial *trial;

	free(z);
	if (receiver == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no receiver '%.*s'", STR_ARG(name));
	trial = xcalloc(1, sizeof(*trial));
	trial->notifier = notifier;
	trial->config = config_ref(notifier->config);
	trial->fn = fn;
	trial->arg = arg;
	timer_init(&trial->done, finish, trial);
	trial->n = receiver->n_integrations;
	trial->left = trial->n + 1; /* one for this call */
	trial->attempts = xcalloc(trial->n + 1, sizeof(*trial->attempts));
	trial->results = xcalloc(trial->n + 1, sizeof(*trial->results));
	say_what(trial, receiver, by);
	for (uint32_t i = 0; i < trial->n; i++) {
		const struct integration_config *config = &receiver->integrations[i];
		struct attempt *attempt = &trial->attempts[i];

		buf_clear(&target);
		buf_printf(&target, "%s/%s[%u]", receiver->name, config->kind->name, config->index);
		attempt->trial = trial;
		attempt->target = target_get(notifier, buf_str(&target));
		attempt->ops = notifier->options.ops_of(config->kind);
		attempt->settings = config->settings;
		attempt->arena = arena_new(0);
		attempt->result = &trial->results[i];
		start(attempt);
	}
	buf_fini(&target);
	one_less(trial);
	return 0;
}
