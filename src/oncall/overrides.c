/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oncall/overrides.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct overrides {
	struct store *store;
	struct oncall_override **items; /* in order of id */
	size_t n, cap;
	int64_t last_id; /* without a store */
};

struct overrides *
overrides_new(struct store *store)
{
	struct overrides *overrides = xcalloc(1, sizeof(*overrides));

	overrides->store = store;
	return overrides;
}

static void
override_free(struct oncall_override *override)
{
	free(override->schedule);
	free(override->user);
	free(override->created_by);
	free(override->comment);
	free(override);
}

void
overrides_free(struct overrides *overrides)
{
	if (overrides == NULL)
		return;
	for (size_t i = 0; i < overrides->n; i++)
		override_free(overrides->items[i]);
	free(overrides->items);
	free(overrides);
}

static void
append(struct overrides *overrides, struct oncall_override *override)
{
	overrides->items = xgrow(
	    overrides->items, &overrides->cap, overrides->n + 1, sizeof(*overrides->items));
	overrides->items[overrides->n++] = override;
}

static char *
copy_of(struct str s)
{
	return xmemdup0(s.n > 0 ? s.p : "", s.n);
}

void
overrides_restore(struct overrides *overrides, const struct override_row *row)
{
	struct oncall_override *override = xcalloc(1, sizeof(*override));

	override->id = row->id;
	override->schedule = copy_of(row->schedule);
	override->user = copy_of(row->user);
	override->starts_at = row->starts_at;
	override->ends_at = row->ends_at;
	override->created_by = copy_of(row->created_by);
	override->comment = copy_of(row->comment);
	override->created_at = row->created_at;
	append(overrides, override);
}

static void
write_row(struct overrides *overrides, const struct oncall_override *override)
{
	if (overrides->store == NULL)
		return;
	store_override_put(overrides->store, &(struct override_row){
						 .id = override->id,
						 .schedule = str_from(override->schedule),
						 .user = str_from(override->user),
						 .starts_at = override->starts_at,
						 .ends_at = override->ends_at,
						 .created_by = str_from(override->created_by),
						 .comment = str_from(override->comment),
						 .created_at = override->created_at,
					     });
}

static int
check(const struct config *config, const struct override_input *input, wall_t now, struct err *err)
{
	if (config_schedule(config, str_from(input->schedule)) == NULL)
		return err_set(err, ERR_INVALID, "there is no schedule '%s'", input->schedule);
	if (config_user(config, str_from(input->user)) == NULL)
		return err_set(err, ERR_INVALID, "there is no user '%s'", input->user);
	if (!wall_before(input->starts_at, input->ends_at))
		return err_set(err, ERR_INVALID, "it must end after it begins");
	if (!wall_before(now, input->ends_at))
		return err_set(err, ERR_INVALID, "it would be over already");
	if (dur_less(OVERRIDE_LENGTH_MAX, wall_since(input->ends_at, input->starts_at)))
		return err_set(err, ERR_INVALID, "it is longer than a year; change the schedule");
	return 0;
}

int
overrides_add(struct overrides *overrides, const struct config *config,
    const struct override_input *input, wall_t now, int64_t *ret_id, struct err *err)
{
	struct oncall_override *override;
	int rc = check(config, input, now, err);

	if (rc < 0)
		return rc;
	if (overrides->n >= OVERRIDES_MAX)
		return err_set(err, ERR_LIMIT, "there are %d already; remove some", OVERRIDES_MAX);
	override = xcalloc(1, sizeof(*override));
	override->id =
	    overrides->store != NULL ? store_next_id(overrides->store) : ++overrides->last_id;
	override->schedule = xstrdup(input->schedule);
	override->user = xstrdup(input->user);
	override->starts_at = input->starts_at;
	override->ends_at = input->ends_at;
	override->created_by = xstrdup(input->created_by);
	override->comment = xstrdup(input->comment != NULL ? input->comment : "");
	override->created_at = now;
	append(overrides, override);
	write_row(overrides, override);
	*ret_id = override->id;
	return 0;
}

static void
remove_at(struct overrides *overrides, size_t at)
{
	override_free(overrides->items[at]);
	overrides->n--;
	for (size_t i = at; i < overrides->n; i++)
		overrides->items[i] = overrides->items[i + 1];
}

bool
overrides_remove(struct overrides *overrides, int64_t id, wall_t now)
{
	for (size_t i = 0; i < overrides->n; i++) {
		struct oncall_override *override = overrides->items[i];

		if (override->id != id)
			continue;
		if (wall_before(override->starts_at, now)) {
			override->ends_at = wall_min(override->ends_at, now);
			write_row(overrides, override);
		} else if (overrides->store != NULL) {
			store_override_delete(overrides->store, id);
		}
		remove_at(overrides, i);
		return true;
	}
	return false;
}

void
overrides_gc(struct overrides *overrides, wall_t now)
{
	for (size_t i = overrides->n; i-- > 0;) {
		if (!wall_before(now, overrides->items[i]->ends_at))
			remove_at(overrides, i);
	}
}

const struct oncall_override *const *
overrides_list(const struct overrides *overrides, uint32_t *ret_n)
{
	*ret_n = (uint32_t)overrides->n;
	return (const struct oncall_override *const *)overrides->items;
}
