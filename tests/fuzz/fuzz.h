/* SPDX-License-Identifier: Apache-2.0 */
/* What libFuzzer calls; replay.c calls it without libFuzzer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
