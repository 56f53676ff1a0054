# SPDX-License-Identifier: Apache-2.0
"""
Statistics beside scipy, on the same files, whole processes: what is started, reads, computes, prints and ends.  The
ratio is that of CPU seconds.  The answers are compared, too: to 1e-9 the statistics, to 1e-7 the p-values.
"""

import json
import math
import os
import random
import subprocess
import sys
import time

PYTHON = "/usr/bin/python3"  # the one that Debian's packages are for
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer_scipy.py")
NO_SCIPY = ("scipy is not installed for /usr/bin/python3, so there is nothing to compare with: "
            "apt-get install python3-scipy")
SAMPLES, FEATURES, FEATURE_REFERENCE, FEATURE_CURRENT = 200000, 10000, 100, 50
GROWTH = [50000, 100000, 200000, 400000]
ROUNDS = 3
GOAL = 3


def has_scipy():
    return subprocess.run([PYTHON, "-c", "import numpy, scipy.stats"], capture_output=True).returncode == 0


def write_values(path, n, mean, rng):
    with open(path, "w") as file:
        file.write("value\n")
        file.writelines(f"{rng.gauss(mean, 1)!r}\n" for _ in range(n))


def write_features(path, n, shifted, rng):
    with open(path, "w") as file:
        file.write("feature,value\n")
        for i in range(FEATURES):
            mean = shifted if i % 50 == 0 else 0
            file.writelines(f"f{i:05},{rng.gauss(mean, 1)!r}\n" for _ in range(n))


def best(argv):
    """(seconds on the wall, CPU seconds, output), each the least of some rounds."""
    wall = cpu = math.inf
    for _ in range(ROUNDS):
        began = time.monotonic()
        child = subprocess.Popen(argv, stdout=subprocess.PIPE)
        out = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1):  # 1: it drifts
            sys.exit(f"bench: {' '.join(argv)} ended with {child.returncode}")
        wall = min(wall, time.monotonic() - began)
        cpu = min(cpu, used.ru_utime + used.ru_stime)
    return wall, cpu, json.loads(out)


def tocsin(binary, reference, current, *options):
    return best([binary, "drift", "--reference", reference, "--current", current, "-o", "json",
                 "--max-rows", "2000000", *options])


def agree(mine, theirs, tolerance):
    return abs(mine - theirs) <= tolerance * max(abs(mine), abs(theirs)) or mine == theirs


def check_same(what, mine, theirs):
    """Every feature's statistic and p-value."""
    for (statistic, p), (their_statistic, their_p) in zip(mine, theirs):
        assert agree(statistic, their_statistic, 1e-9), f"{what}: statistic {statistic}, scipy {their_statistic}"
        assert p is None or p < 1e-12 or agree(p, their_p, 1e-7), f"{what}: p {p}, scipy {their_p}"


def measure(binary, work):
    rng = random.Random(11)
    paths = {name: os.path.join(work, f"{name}.csv") for name in ("ref", "cur", "many-ref", "many-cur")}
    write_values(paths["ref"], SAMPLES, 0, rng)
    write_values(paths["cur"], SAMPLES, 0.005, rng)
    write_features(paths["many-ref"], FEATURE_REFERENCE, 0, rng)
    write_features(paths["many-cur"], FEATURE_CURRENT, 1.5, rng)
    peer = has_scipy()
    works = [
        (f"ks, {SAMPLES:,} + {SAMPLES:,}", "ks", "ref", "cur", ["--test", "ks"]),
        (f"psi, {SAMPLES:,} + {SAMPLES:,}", "psi", "ref", "cur", ["--test", "psi"]),
        (f"ks and BH, {FEATURES:,} features of {FEATURE_REFERENCE} + {FEATURE_CURRENT}", "bh", "many-ref", "many-cur",
         ["--test", "ks", "--by", "feature", "--correct", "bh"]),
    ]
    rows = []
    for title, what, ref, cur, options in works:
        wall, cpu, out = tocsin(binary, paths[ref], paths[cur], *options)
        row = {"work": title, "wall_s": wall, "cpu_s": cpu}
        if peer:
            row["scipy_wall_s"], row["scipy_cpu_s"], theirs = best([PYTHON, PEER, what, paths[ref], paths[cur]])
            row["ratio"] = row["scipy_cpu_s"] / cpu  # each has one thread; the wall is also the neighbours'
            if what == "bh":
                mine = {f["labels"]["feature"]: (f["statistic"], f["p_value"]) for f in out["features"]}
                assert mine.keys() == theirs.keys(), "not the same features"
                check_same(title, mine.values(), [theirs[name] for name in mine])
            else:
                feature = out["features"][0]
                check_same(title, [(feature["statistic"], feature["p_value"] if what == "ks" else None)],
                           [(theirs["statistic"], theirs.get("p"))])
        rows.append(row)
    growth = []
    for n in GROWTH:
        write_values(paths["ref"], n, 0, rng)
        write_values(paths["cur"], n, 0, rng)
        wall, cpu, _ = tocsin(binary, paths["ref"], paths["cur"], "--test", "ks")
        growth.append({"samples": n, "wall_s": wall, "cpu_s": cpu, "ns_per_n_log_n": cpu * 1e9 / (2 * n * math.log2(2 * n))})
    return {"works": rows, "growth": growth, "scipy": peer}


def print_results(results):
    print(f"\n{'statistics, whole process':46} {'tocsin':>9} {'scipy':>9} {'ratio':>7}   CPU: {'tocsin':>7} {'scipy':>7}")
    for row in results["works"]:
        theirs = f"{row['scipy_wall_s']:>7.3f} s" if "ratio" in row else f"{'-':>9}"
        ratio = f"{row['ratio']:>6.1f}x" if "ratio" in row else f"{'-':>7}"
        their_cpu = f"{row['scipy_cpu_s']:>7.3f}" if "ratio" in row else f"{'-':>7}"
        print(f"{row['work']:46} {row['wall_s']:>7.3f} s {theirs} {ratio}        {row['cpu_s']:>7.3f} {their_cpu}")
    print(f"\n{'ks, samples a side':>20} {'s':>8} {'CPU s':>8} {'ns per n log2 n':>16}")
    for row in results["growth"]:
        print(f"{row['samples']:>20,} {row['wall_s']:>8.3f} {row['cpu_s']:>8.3f} {row['ns_per_n_log_n']:>16.2f}")
    if not results["scipy"]:
        print(f"\n{NO_SCIPY}")
    slow = [row["work"] for row in results["works"] if row.get("ratio", GOAL) < GOAL]
    if slow:
        print(f"\nless than {GOAL} times as fast as scipy: {'; '.join(slow)}")


def failed(results):
    """Not measured beside scipy, or slower than it should be."""
    return not results["scipy"] or any(row["ratio"] < GOAL for row in results["works"])
