/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as Go's fmt prints them with %v. */
#pragma once

#define GO_FLOAT_MAX 40

/* 42.5, 100000, 1e+06, +Inf, NaN: shortest text that reads back; returns the length. */
int go_float(double v, char out[GO_FLOAT_MAX]);
