/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that aborts instead of failing; see xalloc.h for why. */
#include "base/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static NORETURN COLD void
out_of_memory(size_t count, size_t bytes)
{
	fprintf(
	    stderr, "tocsin: cannot allocate %zu x %zu bytes\n", count, bytes);
	abort();
}

void *
xmalloc(size_t bytes)
{
	void *p = malloc(bytes != 0 ? bytes : 1);

	if (p == NULL)
		out_of_memory(1, bytes);
	return p;
}

void *
xcalloc(size_t count, size_t bytes)
{
	void *p =
	    count != 0 && bytes != 0 ? calloc(count, bytes) : calloc(1, 1);

	if (p == NULL)
		out_of_memory(count, bytes);
	return p;
}

void *
xrealloc(void *p, size_t count, size_t bytes)
{
	size_t total;
	void *q;

	if (__builtin_mul_overflow(count, bytes, &total))
		out_of_memory(count, bytes);
	q = realloc(p, total != 0 ? total : 1);
	if (q == NULL)
		out_of_memory(count, bytes);
	return q;
}

char *
xstrdup(const char *s)
{
	return xmemdup0(s, strlen(s));
}

char *
xmemdup0(const void *p, size_t n)
{
	char *q;

	if (n == SIZE_MAX)
		out_of_memory(1, n);
	q = xmalloc(n + 1);
	if (n != 0)
		memcpy(q, p, n);
	q[n] = '\0';
	return q;
}

void *
xgrow(void *p, size_t *cap, size_t need, size_t bytes)
{
	size_t n = *cap;

	if (need <= n)
		return p;
	if (n < 8)
		n = 8;
	while (n < need) {
		if (n > SIZE_MAX / 2)
			out_of_memory(need, bytes);
		n *= 2;
	}
	p = xrealloc(p, n, bytes);
	*cap = n;
	return p;
}
