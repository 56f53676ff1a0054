/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents as rows, as history, as metrics; and who was told of them. */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "oncall/incidents_internal.h"

/* ---- rows ------------------------------------------------------------------------ */

static void
fill_work(struct incident_row *row, const struct incident_work *work)
{
	row->changed_at = work->changed_at;
	row->changed_by = str_from(work->changed_by);
	row->comment = str_from(work->comment);
	row->policy = str_from(work->policy != NULL ? work->policy->digest : "");
	row->told = str_from(work->told);
	row->generation = work->generation;
	row->loop = work->loop;
	row->step = work->step;
	row->due_at = work->due_at;
	row->saved_due_at = work->saved_due_at;
	row->flags |= (work->exhausted ? INCIDENT_FLAG_EXHAUSTED : 0u) |
		      (work->passed_over ? INCIDENT_FLAG_PASSED_OVER : 0u) |
		      (work->by_hand ? INCIDENT_FLAG_BY_HAND : 0u);
}

void
incident_fill_row(const struct incident *incident, struct buf *labels, struct incident_row *ret_row)
{
	buf_clear(labels);
	labels_encode(incident->labels, labels);
	*ret_row = (struct incident_row){
		.id = incident->id,
		.group_key = str_from(incident->key),
		.route_id = istr_str(incident->route_id),
		.state = incident->state,
		.severity = istr_str(incident->severity),
		.runbook = istr_str(incident->runbook),
		.opened_at = incident->opened_at,
		.resolved_at = incident->resolved_at,
		.alerts = incident->alerts,
		.labels = buf_str(labels),
		.flags = (uint32_t)incident->before << INCIDENT_FLAG_BEFORE_SHIFT |
			 (uint32_t)incident->peak << INCIDENT_FLAG_PEAK_SHIFT,
	};
	if (incident->work != NULL)
		fill_work(ret_row, incident->work);
}

void
incident_write(const struct incident *incident, bool closed)
{
	struct incidents *incidents = incident->incidents;
	struct incident_row row;

	if (incidents->store == NULL)
		return;
	incident_fill_row(incident, &incidents->scratch, &row);
	row.flags |= closed ? INCIDENT_FLAG_CLOSED : 0u;
	store_incident_put(incidents->store, &row);
}

/* ---- history ------------------------------------------------------------------------ */

/* Not an alert's, but as good as any for finding the rows of one incident. */
uint64_t
incident_mark(int64_t id)
{
	uint64_t mark = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);

	return mark != 0 ? mark : 1;
}

void
incident_history(const struct incident *incident, const char *kind, const char *subject, wall_t at,
    const char *fmt, ...)
{
	struct incidents *incidents = incident->incidents;
	struct buf detail = { 0 };
	va_list ap;

	if (incidents->store == NULL)
		return;
	buf_printf(&detail, "incident %lld: ", (long long)incident->id);
	va_start(ap, fmt);
	buf_vprintf(&detail, fmt, ap);
	va_end(ap);
	buf_clear(&incidents->scratch);
	labels_encode(incident->labels, &incidents->scratch);
	store_history_add(incidents->store, &(struct history_row){
						.at = at,
						.kind = str_from(kind),
						.labels = buf_str(&incidents->scratch),
						.fingerprint = incident_mark(incident->id),
						.subject = str_from(subject),
						.detail = buf_str(&detail),
					    });
	buf_fini(&detail);
}

/* ---- who was told ---------------------------------------------------------------------- */

struct str
incident_told(const struct incident *incident, uint32_t i)
{
	const char *p = incident->work != NULL ? incident->work->told : NULL;

	for (; p != NULL && *p != '\0'; i--) {
		size_t n = strcspn(p, "\n");

		if (i == 0)
			return str_make(p, n);
		p += n + (p[n] == '\n');
	}
	return (struct str){ "", 0 };
}

bool
incident_was_told(const struct incident *incident, const char *target)
{
	struct str told;

	for (uint32_t i = 0; (told = incident_told(incident, i)).n > 0; i++) {
		if (str_is(told, target))
			return true;
	}
	return false;
}

void
incident_add_told(struct incident *incident, const char *target)
{
	struct incident_work *work = incident_work_of(incident);
	struct buf told = { 0 };

	if (incident_was_told(incident, target))
		return;
	buf_printf(&told, "%s%s\n", work->told != NULL ? work->told : "", target);
	free(work->told);
	work->told = buf_take(&told);
	incident_write(incident, false);
}

void
incident_drop_told(struct incident *incident, const char *target)
{
	struct incident_work *work = incident->work;
	struct buf rest = { 0 };
	struct str told;

	if (!incident_was_told(incident, target))
		return;
	for (uint32_t i = 0; (told = incident_told(incident, i)).n > 0; i++) {
		if (!str_is(told, target))
			buf_printf(&rest, "%.*s\n", STR_ARG(told));
	}
	free(work->told);
	work->told = rest.n > 0 ? buf_take(&rest) : NULL;
	buf_fini(&rest);
	incident_write(incident, false);
}

/* ---- metrics ------------------------------------------------------------------------------ */

static void
put_one(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
	    (unsigned long long)value);
}

static uint64_t
count_overdue(const struct incidents *incidents, wall_t now)
{
	uint64_t n = 0;

	LIST_FOREACH(link, &incidents->working)
	{
		const struct incident_work *work = CONTAINER_OF(link, struct incident_work, link);

		if (work->incident->state != INCIDENT_RESOLVED && !work->waits &&
		    wall_is_set(work->due_at) &&
		    wall_before(wall_add(work->due_at, STEP_OVERDUE_AFTER), now))
			n++;
	}
	return n;
}

void
incidents_put_metrics(const struct incidents *incidents, wall_t now, struct buf *out)
{
	static const char name[] = "tocsin_incidents";
	uint64_t counts[INCIDENT_STATE_COUNT] = { 0 };
	const struct incident *incident;

	for (size_t it = 0; (incident = incidents_next(incidents, &it)) != NULL;)
		counts[incident->state]++;
	buf_printf(out, "# HELP %s Incidents by state; resolved ones for as long as they may be "
			"opened again.\n# TYPE %s gauge\n",
	    name, name);
	for (int i = 0; i < INCIDENT_STATE_COUNT; i++)
		buf_printf(out, "%s{state=\"%s\"} %llu\n", name,
		    incident_state_name((enum incident_state)i), (unsigned long long)counts[i]);
	put_one(out, "tocsin_incidents_opened_total", "counter", "Incidents opened.",
	    incidents->opened);
	put_one(out, "tocsin_escalations_exhausted_total", "counter",
	    "Escalations whose steps were all taken without anybody acknowledging.",
	    incidents->exhausted);
	put_one(out, "tocsin_escalations_overdue", "gauge",
	    "Incidents whose next step is over a minute late.", count_overdue(incidents, now));
}
