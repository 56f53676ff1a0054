/* SPDX-License-Identifier: Apache-2.0 */
/* The list of backends that are compiled in. */
#include "config.h"

#include "source/source.h"

#include "source/backends.h"

const struct source_ops *const source_list[] = {
#define SOURCE(name) &source_##name,
#include "source/sources.inc"
#undef SOURCE
	NULL,
};

const struct source_kind *const source_kinds[] = {
#define SOURCE(name) &source_##name##_kind,
#include "source/sources.inc"
#undef SOURCE
	NULL,
};

const struct source_ops *
source_ops_of(const struct source_kind *kind)
{
	for (size_t i = 0; source_list[i] != NULL; i++)
		if (source_list[i]->kind == kind)
			return source_list[i];
	return NULL;
}
