#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
What a scipy user writes for the work that `tocsin drift` does: reads two CSV files, prints JSON.

    peer_scipy.py ks|psi REFERENCE CURRENT      one column `value`
    peer_scipy.py bh REFERENCE CURRENT          columns `feature,value`: ks for each, Benjamini-Hochberg over all
"""

import csv
import json
import sys

import numpy


def column(path):
    return numpy.loadtxt(path, skiprows=1)


def psi(ref, cur, k=10, epsilon=1e-4):
    edges = numpy.unique(numpy.quantile(ref, numpy.arange(1, k) / k))
    p = numpy.bincount(numpy.searchsorted(edges, ref, side="left"), minlength=len(edges) + 1) / len(ref)
    q = numpy.bincount(numpy.searchsorted(edges, cur, side="left"), minlength=len(edges) + 1) / len(cur)
    p, q = numpy.maximum(p, epsilon), numpy.maximum(q, epsilon)
    return float(((q - p) * numpy.log(q / p)).sum())


def features(path):
    values = {}
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for name, value in rows:
            values.setdefault(name, []).append(float(value))
    return values


def benjamini_hochberg(p):
    p = numpy.asarray(p)
    order = numpy.argsort(p)[::-1]
    adjusted = numpy.minimum(1, numpy.minimum.accumulate(p[order] * len(p) / numpy.arange(len(p), 0, -1)))
    out = numpy.empty_like(adjusted)
    out[order] = adjusted
    return out


def main():
    what, reference, current = sys.argv[1:]
    if what == "psi":
        print(json.dumps({"statistic": psi(column(reference), column(current))}))
        return
    from scipy import stats
    if what == "ks":
        test = stats.ks_2samp(column(reference), column(current))
        print(json.dumps({"statistic": test.statistic, "p": test.pvalue}))
        return
    ref, cur = features(reference), features(current)
    tests = {name: stats.ks_2samp(ref[name], cur[name]) for name in ref}
    adjusted = benjamini_hochberg([test.pvalue for test in tests.values()])
    print(json.dumps({name: [test.statistic, p] for (name, test), p in zip(tests.items(), adjusted)}))


main()
