/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes that gcc and clang both understand, under readable names. */
#pragma once

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define COLD __attribute__((cold))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define FALLTHROUGH __attribute__((fallthrough))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* The struct of type T whose member M is at P (intrusive containers). */
#define CONTAINER_OF(p, T, m) ((T *)(void *)((char *)(p) - offsetof(T, m)))
