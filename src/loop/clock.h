/* SPDX-License-Identifier: Apache-2.0 */
/* The only place that reads a clock. */
#pragma once

#include "base/instant.h"

wall_t clock_wall(void);
mono_t clock_mono(void);
