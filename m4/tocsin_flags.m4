dnl SPDX-License-Identifier: Apache-2.0
dnl
dnl Compiler and linker flags.  Each flag is tried by itself, so that an
dnl older or a different compiler loses one flag and not the build.

dnl TOCSIN_TRY_CFLAG(FLAG, VARIABLE): append FLAG to VARIABLE if it works.
dnl The probe includes <string.h> because some flags (_FORTIFY_SOURCE) only
dnl complain from inside a header.
AC_DEFUN([TOCSIN_TRY_CFLAG], [
	AS_VAR_PUSHDEF([cache], [tocsin_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC accepts $1], [cache], [
		tocsin_saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1 -Wno-error=unused-macros"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]],
			[[char a[8]; memset(a, 1, sizeof a); return a[0] - 1;]])],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$tocsin_saved_CFLAGS
	])
	AS_VAR_IF([cache], [yes], [$2="$$2 $1"])
	AS_VAR_POPDEF([cache])
])

dnl TOCSIN_TRY_LDFLAG(FLAG, VARIABLE)
AC_DEFUN([TOCSIN_TRY_LDFLAG], [
	AS_VAR_PUSHDEF([cache], [tocsin_cv_ldflag_$1])
	AC_CACHE_CHECK([whether the linker accepts $1], [cache], [
		tocsin_saved_LDFLAGS=$LDFLAGS
		LDFLAGS="$LDFLAGS -Werror $1"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		LDFLAGS=$tocsin_saved_LDFLAGS
	])
	AS_VAR_IF([cache], [yes], [$2="$$2 $1"])
	AS_VAR_POPDEF([cache])
])

AC_DEFUN([TOCSIN_C_STANDARD], [
	STD_CFLAGS=
	TOCSIN_TRY_CFLAG([-std=$1], [STD_CFLAGS])
	AS_IF([test "x$STD_CFLAGS" = x], [AC_MSG_ERROR([the compiler lacks -std=$1])])
	AC_SUBST([STD_CFLAGS])
])

dnl The second and third lists are left out of instrumented builds: the
dnl sanitizers' own checks make these warnings cry wolf.
AC_DEFUN([TOCSIN_WARNINGS], [
	WARN_CFLAGS=
	m4_foreach_w([flag], [
		-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
		-Wformat=2 -Wformat-signedness -Wstrict-prototypes
		-Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Walloca
		-Wwrite-strings -Wcast-qual -Wcast-align=strict -Wpointer-arith
		-Wswitch-enum -Wimplicit-fallthrough -Wimplicit-fallthrough=5 -Wduplicated-cond
		-Wduplicated-branches -Wlogical-op -Wdouble-promotion
		-Wjump-misses-init -Wunused-macros -Wdate-time
		-Wmissing-variable-declarations
		-Wthread-safety -Wcomma -Wassign-enum -Wunreachable-code],
		[TOCSIN_TRY_CFLAG(flag, [WARN_CFLAGS])])
	AS_IF([test "x$enable_sanitizers" = xno && test "x$enable_coverage" != xyes], [
		m4_foreach_w([flag], [-Wnull-dereference -Wstack-usage=8192],
			[TOCSIN_TRY_CFLAG(flag, [WARN_CFLAGS])])
	], [
		TOCSIN_TRY_CFLAG([-Wno-maybe-uninitialized], [WARN_CFLAGS])
	])
	dnl Last: tried earlier it would turn the probes above into guesses.
	AS_IF([test "x$enable_werror" = xyes],
		[TOCSIN_TRY_CFLAG([-Werror], [WARN_CFLAGS])])
	AC_SUBST([WARN_CFLAGS])
])

dnl _FORTIFY_SOURCE and automatic initialisation stay out of sanitizer
dnl builds: they hide the very faults the sanitizers look for.
AC_DEFUN([TOCSIN_HARDENING], [
	HARDEN_CFLAGS=
	HARDEN_LDFLAGS=
	m4_foreach_w([flag], [
		-fstack-protector-strong -fstack-clash-protection
		-fcf-protection -fPIE -fno-common -fstrict-flex-arrays=3],
		[TOCSIN_TRY_CFLAG(flag, [HARDEN_CFLAGS])])
	AS_IF([test "x$enable_sanitizers" = xno], [
		TOCSIN_TRY_CFLAG([-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3],
			[HARDEN_CFLAGS])
		TOCSIN_TRY_CFLAG([-ftrivial-auto-var-init=zero], [HARDEN_CFLAGS])
	])
	m4_foreach_w([flag], [-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack],
		[TOCSIN_TRY_LDFLAG(m4_quote(flag), [HARDEN_LDFLAGS])])
	dnl The same tree built in two places gives the same bytes.
	HAVE_PREFIX_MAP=
	TOCSIN_TRY_CFLAG([-ffile-prefix-map=/x=/y], [HAVE_PREFIX_MAP])
	AS_IF([test "x$HAVE_PREFIX_MAP" != x],
		[HARDEN_CFLAGS="$HARDEN_CFLAGS -ffile-prefix-map=\$(top_srcdir)/="])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
])

AC_DEFUN([TOCSIN_INSTRUMENTATION], [
	INSTR_CFLAGS=
	INSTR_LDFLAGS=
	FUZZ_LDFLAGS=
	AS_IF([test "x$enable_sanitizers" != xno], [
		tocsin_san="-fsanitize=$enable_sanitizers"
		TOCSIN_TRY_LDFLAG([$tocsin_san], [INSTR_LDFLAGS])
		AS_IF([test "x$INSTR_LDFLAGS" = x],
			[AC_MSG_ERROR([cannot link with $tocsin_san])])
		INSTR_CFLAGS="$tocsin_san -fno-omit-frame-pointer -fno-sanitize-recover=all"
	])
	AS_IF([test "x$enable_fuzzers" = xyes], [
		TOCSIN_TRY_CFLAG([-fsanitize=fuzzer-no-link], [INSTR_CFLAGS])
		AS_CASE([$INSTR_CFLAGS], [*fuzzer-no-link*],
			[FUZZ_LDFLAGS=-fsanitize=fuzzer],
			[AC_MSG_ERROR([--enable-fuzzers needs clang: configure CC=clang])])
	])
	AS_IF([test "x$enable_coverage" = xyes], [
		INSTR_CFLAGS="$INSTR_CFLAGS --coverage"
		INSTR_LDFLAGS="$INSTR_LDFLAGS --coverage"
	])
	AC_SUBST([INSTR_CFLAGS])
	AC_SUBST([INSTR_LDFLAGS])
	AC_SUBST([FUZZ_LDFLAGS])
	dnl Automake refuses linker flags in LDADD unless configure brings them.
	GROUP_START=
	GROUP_END=
	TOCSIN_TRY_LDFLAG([-Wl,--start-group -Wl,--end-group], [GROUP_START])
	AS_IF([test "x$GROUP_START" != x],
		[GROUP_START=-Wl,--start-group GROUP_END=-Wl,--end-group])
	AC_SUBST([GROUP_START])
	AC_SUBST([GROUP_END])
])
