#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# To be sourced.  ensure_packages SECTION... installs what contrib/packages
# lists in those sections and the machine lacks.  It touches nothing, and
# needs neither root nor network, when all of it is there.

PACKAGES_FILE=${PACKAGES_FILE:-${0%/*}/packages}

packages_say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# packages_in SECTION...: their names, one per line
packages_in() {
	for section in "$@"; do
		awk -v want="[$section]" '
			/^#/ || NF == 0 { next }
			/^\[/ { here = ($1 == want); found = found || here; next }
			here { print $1 }
			END { exit !found }' "$PACKAGES_FILE" || {
			packages_say "no section [$section] in $PACKAGES_FILE"
			return 1
		}
	done
}

# packages_missing NAME...: those that are not installed
packages_missing() {
	for name in "$@"; do
		dpkg-query -W -f='${Status}' "$name" 2>/dev/null |
		    grep -q '^install ok installed$' || printf '%s\n' "$name"
	done
}

packages_as_root() {
	if test "$(id -u)" -eq 0; then
		"$@"
	else
		sudo "$@"
	fi
}

# Debian starts a service when it is installed.  The tests start their own
# servers on their own ports, so none of these may run: policy-rc.d is
# Debian's way of saying so.  A policy that is already there stays.
packages_install() {
	packages_as_root sh -c '
		policy=/usr/sbin/policy-rc.d
		if test ! -e "$policy"; then
			printf "#!/bin/sh\nexit 101\n" >"$policy" &&
			    chmod 755 "$policy" || exit 1
			trap "rm -f $policy" EXIT
			trap "exit 130" HUP INT TERM
		fi
		export DEBIAN_FRONTEND=noninteractive
		update() {
			apt-get -q -o DPkg::Lock::Timeout=120 update
		}
		install() {
			apt-get -q -y -o DPkg::Lock::Timeout=120 \
			    -o Dpkg::Use-Pty=0 install \
			    --no-install-recommends "$@"
		}
		# Known packages go in at once; the index is fetched only when
		# it is empty or too old to find them.
		install "$@" && exit 0
		echo "retrying with a fresh package index" >&2
		update && install "$@"
	' packages_install "$@" </dev/null
}

ensure_packages() {
	names=$(packages_in "$@") || return 1
	# shellcheck disable=SC2086 # package names are words
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		packages_say "this is not a Debian system; make sure that you" \
		    "have what these packages hold:" $names
		return 0
	fi
	# shellcheck disable=SC2086
	missing=$(packages_missing $names)
	test -n "$missing" || return 0
	if test "$(id -u)" -ne 0 && ! command -v sudo >/dev/null; then
		# shellcheck disable=SC2086
		packages_say "missing packages; as root, run: apt-get install" \
		    $missing
		return 1
	fi
	# shellcheck disable=SC2086
	packages_say "installing:" $missing
	log=$(mktemp) || return 1
	# shellcheck disable=SC2086
	if packages_install $missing >"$log" 2>&1; then
		rm -f "$log"
	else
		tail -n 30 "$log" >&2
		rm -f "$log"
		packages_say "apt-get could not install them (see above)"
		return 1
	fi
	# shellcheck disable=SC2086
	missing=$(packages_missing $names)
	test -z "$missing" || {
		# shellcheck disable=SC2086
		packages_say "still missing:" $missing
		return 1
	}
}
