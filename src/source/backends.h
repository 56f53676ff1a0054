/* SPDX-License-Identifier: Apache-2.0 */
/* The backends by name, for source.c and for themselves; nobody else includes this. */
#pragma once

#include "source/source.h"

#define SOURCE(name)                                                                               \
	extern const struct source_ops source_##name;                                              \
	extern const struct source_kind source_##name##_kind;
#include "source/sources.inc"
#undef SOURCE
