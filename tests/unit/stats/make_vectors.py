#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write vectors.json: what the tests of src/stats must reproduce.

Nothing here shares code or algorithm with src/stats.  Special functions come
from mpmath at 40 digits (Debian: python3-mpmath), exact laws from counting
every ordering with fractions, the rest from definitions written out, and
from published examples that are named beside them.
Run it again only to add vectors; the result is committed.
"""
import bisect
import itertools
import json
import os
import random
from fractions import Fraction

from mpmath import mp, mpf

mp.dps = 40
VECTORS = []


def add(name, test, inputs, expected, params=None):
    VECTORS.append({'id': name, 'test': test, 'inputs': inputs,
                    'params': params or {}, 'expected': expected})


def number(x):
    if mp.isinf(x):
        return 'Infinity' if x > 0 else '-Infinity'
    return float(x)


# ---- special functions -------------------------------------------------------

def chi2_sf(x, df):
    return mp.gammainc(mpf(df) / 2, mpf(x) / 2, mp.inf, regularized=True)


def t_two_sided(t, df):
    t, df = mpf(t), mpf(df)
    return mp.betainc(df / 2, mpf(1) / 2, 0, df / (df + t * t),
                      regularized=True)


def normal_sf(z):
    return mp.erfc(mpf(z) / mp.sqrt(2)) / 2


def function(name, args, value):
    add('%s(%s)' % (name, ', '.join('%g' % a for a in args)), 'function',
        {'function': name, 'args': args}, {'value': number(value)})


def functions():
    for z in (-5.0, -1.0, 0.0, 0.3, 1.96, 6.0, 20.0, 37.0):
        function('normal_sf', [z], normal_sf(z))
    for q in (1e-300, 1e-20, 1e-7, 0.025, 0.3, 0.5, 0.8, 0.999):
        root = mp.findroot(lambda z, q=q: mp.log(normal_sf(z)) - mp.log(mpf(q)),
                           2 if q < 0.5 else -0.5)
        function('normal_isf', [q], root if q != 0.5 else 0)
    for x, df in ((0.001, 1), (3.841, 1), (80.0, 1), (2.0, 2), (16.919, 9),
                  (1000.0, 9), (90.0, 100), (1100.0, 1000), (1e5, 99000),
                  (0.5, 7.5), (600.0, 3)):
        function('chi2_sf', [x, df], chi2_sf(x, df))
    for q, df in ((0.05, 9), (0.01, 1), (1e-6, 4), (0.95, 30), (0.5, 200)):
        root = mp.findroot(lambda x, q=q, df=df: chi2_sf(x, df) - mpf(q),
                           df + 2 * mp.sqrt(df) if q < 0.5 else mpf(df) * 0.9)
        function('chi2_isf', [q, df], root)
    for t, df in ((0.5, 1), (2.0, 3), (12.7, 1), (1.98, 120), (30.0, 17.776),
                  (3.0, 1e6), (1e-3, 5), (100.0, 50)):
        function('t_two_sided', [t, df], t_two_sided(t, df))
    for q, df in ((0.025, 9), (0.00135, 29), (0.4, 2), (1e-8, 6)):
        root = mp.findroot(
            lambda t, q=q, df=df: mp.log(t_two_sided(t, df) / 2)
            - mp.log(mpf(q)), 20 if q < 1e-5 else 2 if q < 0.1 else 0.3)
        function('t_isf', [q, df], root)
    for f, a, b in ((1.0, 3, 7), (4.5, 2, 10), (0.2, 15, 8), (30.0, 5, 60)):
        function('f_sf', [f, a, b], mp.betainc(
            mpf(b) / 2, mpf(a) / 2, 0, mpf(b) / (mpf(b) + mpf(a) * mpf(f)),
            regularized=True))
    for a, x in ((0.5, 0.1), (3.0, 2.0), (50.0, 70.0), (2000.0, 1900.0)):
        function('gamma_p', [a, x],
                 mp.gammainc(mpf(a), 0, mpf(x), regularized=True))
        function('gamma_q', [a, x],
                 mp.gammainc(mpf(a), mpf(x), mp.inf, regularized=True))
    for a, b, x in ((0.5, 0.5, 0.25), (5.0, 2.0, 0.75), (200.0, 300.0, 0.375),
                    (0.1, 40.0, 0.0078125)):
        function('beta_i', [a, b, x, 1.0 - x],
                 mp.betainc(mpf(a), mpf(b), 0, mpf(x), regularized=True))
    for nu, x in ((0.25, 0.01), (0.25, 1.0), (0.25, 30.0), (0.25, 800.0)):
        function('bessel_k_scaled', [nu, x],
                 mp.besselk(mpf(nu), mpf(x)) * mp.exp(mpf(x)))


# ---- exact laws by counting every ordering --------------------------------------

def orders(n, m):
    """Each way to mark n of n+m places as the reference's."""
    for chosen in itertools.combinations(range(n + m), n):
        marks = [False] * (n + m)
        for place in chosen:
            marks[place] = True
        yield marks


def ks_of(marks, values, n, m):
    """(D, D+, D-) of marks along ascending values, looked at after ties."""
    i = j = 0
    up = down = Fraction(0)
    for s, mark in enumerate(marks):
        i += mark
        j += not mark
        if s + 1 == len(marks) or values[s + 1] != values[s]:
            gap = Fraction(i, n) - Fraction(j, m)
            up, down = max(up, gap), max(down, -gap)
    return max(up, down), up, down


def share(items, test):
    count = total = 0
    for item in items:
        total += 1
        count += bool(test(item))
    return float(Fraction(count, total))


def kolmogorov(x):
    if x <= 0:
        return mpf(1)
    return 2 * mp.nsum(lambda j: (-1) ** (int(j) - 1)
                       * mp.exp(-2 * j * j * x * x), [1, 60])


def ks(name, ref, cur):
    n, m = len(ref), len(cur)
    pooled = sorted([(x, True) for x in ref] + [(x, False) for x in cur])
    values = [x for x, _ in pooled]
    untied = list(range(n + m))
    d, up, down = ks_of([mark for _, mark in pooled], values, n, m)
    every = list(orders(n, m))
    expected = {
        'D': float(d),
        'p_exact_no_ties': share(every, lambda o: ks_of(o, untied, n, m)[0] >= d),
        'p_exact_given_ties': share(every,
                                    lambda o: ks_of(o, values, n, m)[0] >= d),
        'p_greater_auto': share(every, lambda o: ks_of(o, untied, n, m)[1] >= up),
        'p_less_auto': share(every, lambda o: ks_of(o, untied, n, m)[2] >= down),
        'p_kolmogorov_limit': number(
            kolmogorov(mp.sqrt(mpf(n * m) / (n + m)) * mpf(d.numerator)
                       / d.denominator)),
    }
    add(name, 'ks_2samp', {'ref': ref, 'cur': cur}, expected)


def midranks(values):
    ordered = sorted(values)
    return {x: Fraction(bisect.bisect_left(ordered, x)
                        + bisect.bisect_right(ordered, x) + 1, 2)
            for x in set(values)}


def cvm_t(ref, cur, rank):
    n, m = len(ref), len(cur)
    u = (n * sum((rank[x] - i) ** 2 for i, x in enumerate(sorted(ref), 1))
         + m * sum((rank[x] - j) ** 2 for j, x in enumerate(sorted(cur), 1)))
    return (Fraction(u) / (n * m * (n + m))
            - Fraction(4 * n * m - 1, 6 * (n + m)))


def cvm(name, ref, cur):
    n, m = len(ref), len(cur)
    t = cvm_t(ref, cur, midranks(ref + cur))
    plain = {i: Fraction(i) for i in range(1, n + m + 1)}

    def at_least(order):
        return cvm_t([i for i, mark in enumerate(order, 1) if mark],
                     [i for i, mark in enumerate(order, 1) if not mark],
                     plain) >= t
    add(name, 'cramervonmises_2samp', {'ref': ref, 'cur': cur},
        {'T': float(t), 'p_exact': share(orders(n, m), at_least)})


def moments(x):
    mean = sum(map(mpf, x)) / len(x)
    return mean, sum((mpf(v) - mean) ** 2 for v in x) / (len(x) - 1)


def location(name, a, b, exact=True):
    n, m = len(a), len(b)
    u = sum(Fraction(1) if x > y else Fraction(1, 2) if x == y else Fraction(0)
            for x in a for y in b)
    (mean_a, var_a), (mean_b, var_b) = moments(a), moments(b)
    se = mp.sqrt(var_a / n + var_b / m)
    df = se ** 4 / ((var_a / n) ** 2 / (n - 1) + (var_b / m) ** 2 / (m - 1))
    t = (mean_a - mean_b) / se
    expected = {'U1': float(u), 'welch_t': number(t), 'welch_df': number(df),
                'welch_p': number(t_two_sided(t, df))}
    if exact:
        high = max(u, n * m - u)

        def u_of(order):
            below = total = 0
            for mark in order:
                total += below if mark else 0
                below += not mark
            return total
        expected['p_exact_no_ties'] = min(
            1.0, 2 * share(orders(n, m), lambda o: u_of(o) >= high))
    add(name, 'location_tests', {'a': a, 'b': b}, expected)


def fisher(name, table):
    (a, b), (c, d) = table
    row, column, total = a + b, a + c, a + b + c + d

    def weight(x):
        return mp.binomial(row, x) * mp.binomial(total - row, column - x)
    at = range(max(0, row + column - total), min(row, column) + 1)
    observed = weight(a)
    p = (sum(weight(x) for x in at if weight(x) <= observed * (1 + mpf(10) ** -9))
         / mp.binomial(total, column))
    odds = mpf(a * d) / (b * c) if b * c else mp.inf
    add(name, 'fisher_exact_2x2', {'table': table},
        {'odds_ratio': number(odds), 'p_two_sided': number(p)})


def chi2(name, ref, cur):
    n, m = mpf(sum(ref)), mpf(sum(cur))
    used = [(mpf(r), mpf(c)) for r, c in zip(ref, cur) if r + c]
    df = len(used) - 1
    stat = g = yates = mpf(0)
    for pair in used:
        for seen, size in zip(pair, (n, m)):
            e = sum(pair) * size / (n + m)
            stat += (seen - e) ** 2 / e
            yates += max(mpf(0), abs(seen - e) - mpf(1) / 2) ** 2 / e
            g += 2 * seen * mp.log(seen / e) if seen else 0
    if df != 1:
        yates = stat
    add(name, 'chi2', {'ref_counts': ref, 'cur_counts': cur},
        {'stat': number(stat), 'p': number(chi2_sf(stat, df)), 'dof': df,
         'G': number(g), 'p_G': number(chi2_sf(g, df)),
         'cramers_v': number(mp.sqrt(stat / (n + m))),
         'stat_scipy_default': number(yates),
         'p_scipy_default': number(chi2_sf(yates, df))})


def tests():
    rng = random.Random(20240229)
    ks('ks-untied-6-5', [0.61, 0.29, 0.06, 0.59, -1.73, -0.74],
       [0.51, -0.56, 0.39, 1.64, 0.05])
    ks('ks-apart-5-7', [1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11, 12])
    ks('ks-tied-7-8', [1, 1, 2, 2, 3, 4, 4], [2, 3, 3, 3, 4, 5, 5, 6])
    ks('ks-equal-9-9', [rng.random() for _ in range(9)],
       [rng.random() for _ in range(9)])
    ks('ks-one-each', [1.0], [2.0])
    cvm('cvm-untied-6-7', [0.4, 1.9, -0.3, 2.2, 0.8, 1.1],
        [1.5, 2.6, 0.9, 3.1, 2.0, 1.7, 2.9])
    cvm('cvm-same-5-5', [1, 3, 5, 7, 9], [2, 4, 6, 8, 10])
    # The worked example of Anderson 1962: 4 of the 5 smallest are the first's.
    cvm('cvm-7-4', [1, 2, 3, 4, 8, 9, 10], [5, 6, 7, 11])
    # Hollander and Wolfe 1973, permeability of the human chorioamnion.
    location('chorioamnion', [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64,
                              0.73, 1.46], [1.15, 0.88, 0.90, 0.74, 1.21])
    # Student 1908, hours of sleep gained: t = -1.8608, df 17.776, p 0.07939.
    location('sleep', [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
             [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4], exact=False)
    # Fisher 1935, the lady tasting tea: p = 0.4857.
    fisher('lady-tasting-tea', [[3, 1], [1, 3]])
    # Fisher 1962, convictions of like-sex twins of criminals: p = 0.0005367.
    fisher('criminal-twins', [[2, 15], [10, 3]])
    fisher('fisher-large', [[120, 9880], [171, 9829]])
    fisher('fisher-far', [[0, 400], [300, 100]])
    # Agresti 2007, party identification by gender: chi2 30.0701, df 2.
    chi2('party-by-gender', [762, 327, 468], [484, 239, 477])
    chi2('chi2-yates', [7, 1], [2, 8])
    chi2('chi2-empty-column', [10, 0, 0, 25], [4, 0, 9, 31])
    # Benjamini and Hochberg 1995, thrombolysis: BH rejects 4, Bonferroni 3.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
         0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    adjusted = [min(Fraction(str(q)) * 15 / j for j, q in
                    list(enumerate(p, 1))[i:]) for i in range(15)]
    holm = [max(min(Fraction(1), Fraction(str(q)) * (15 - j)) for j, q in
                list(enumerate(p))[:i + 1]) for i in range(15)]
    add('thrombolysis', 'multiple_testing', {'p': p}, {
        'bonferroni': [min(1.0, float(Fraction(str(q)) * 15)) for q in p],
        'holm': [float(q) for q in holm], 'bh': [float(q) for q in adjusted],
        'bh_reject': [True] * 4 + [False] * 11})


# ---- proportions, distances, streams ---------------------------------------------

def proportions(name, x1, n1, x2, n2):
    z = mp.findroot(lambda v: normal_sf(v) - mpf('0.025'), 1.96)

    def wilson(x, n):
        p, n = mpf(x) / n, mpf(n)
        mid, half = p + z * z / (2 * n), z * mp.sqrt(
            p * (1 - p) / n + z * z / (4 * n * n))
        return [(mid - half) / (1 + z * z / n), (mid + half) / (1 + z * z / n)]
    p1, p2, both = mpf(x1) / n1, mpf(x2) / n2, mpf(x1 + x2) / (n1 + n2)
    a, b = wilson(x1, n1), wilson(x2, n2)
    stat = (p1 - p2) / mp.sqrt(both * (1 - both) * (mpf(1) / n1 + mpf(1) / n2))
    add(name, 'two_proportions', {'x1': x1, 'n1': n1, 'x2': x2, 'n2': n2}, {
        'z_pooled': number(stat), 'p_two_sided': number(2 * normal_sf(abs(stat))),
        'diff': number(p1 - p2), 'ratio': number(p2 / p1),
        'wilson1': [number(v) for v in a], 'wilson2': [number(v) for v in b],
        'newcombe_diff_ci95': [
            number(p1 - p2 - mp.sqrt((p1 - a[0]) ** 2 + (b[1] - p2) ** 2)),
            number(p1 - p2 + mp.sqrt((a[1] - p1) ** 2 + (p2 - b[0]) ** 2))]})


def binned(name, p, q):
    ps, qs = [mpf(x) for x in p], [mpf(x) for x in q]
    middle = [(a + b) / 2 for a, b in zip(ps, qs)]

    def kl(a, b):
        return sum(x * mp.log(x / y) for x, y in zip(a, b) if x)
    js = (kl(ps, middle) + kl(qs, middle)) / 2

    def psi(eps):
        return sum((max(b, eps) - max(a, eps)) * mp.log(max(b, eps) / max(a, eps))
                   for a, b in zip(ps, qs))
    add(name, 'binned_distances', {'ref_p': p, 'cur_p': q}, {
        'psi_clip_1e4': number(psi(mpf('1e-4'))),
        'psi_clip_1e6': number(psi(mpf('1e-6'))),
        'js_distance_nat': number(mp.sqrt(js)),
        'js_distance_base2': number(mp.sqrt(js / mp.log(2))),
        'hellinger': number(mp.sqrt(1 - sum(mp.sqrt(a * b)
                                            for a, b in zip(ps, qs)))),
        'total_variation': number(sum(abs(a - b) for a, b in zip(ps, qs)) / 2)})


def wasserstein(name, ref, cur):
    points = sorted(set(ref + cur))
    w = energy = Fraction(0)
    for left, right in zip(points, points[1:]):
        gap = (Fraction(sum(x <= left for x in ref), len(ref))
               - Fraction(sum(x <= left for x in cur), len(cur)))
        width = Fraction(right) - Fraction(left)
        w += abs(gap) * width
        energy += gap * gap * width
    add(name, 'wasserstein_1d', {'ref': ref, 'cur': cur}, {
        'w1': float(w), 'energy': number(mp.sqrt(
            2 * mpf(energy.numerator) / energy.denominator))})


def line(name, t, y):
    ts, ys = [Fraction(str(v)) for v in t], [Fraction(str(v)) for v in y]
    n, t_mean, y_mean = len(t), sum(ts) / len(t), sum(ys) / len(y)
    st = sum((v - t_mean) ** 2 for v in ts)
    slope = sum((a - t_mean) * (b - y_mean) for a, b in zip(ts, ys)) / st
    rest = sum((b - y_mean - slope * (a - t_mean)) ** 2 for a, b in zip(ts, ys))
    total = sum((b - y_mean) ** 2 for b in ys)

    def root(f):
        return number(mp.sqrt(mpf(f.numerator) / f.denominator))
    add(name, 'least_squares', {'t_sec': t, 'y': y}, {
        'slope': float(slope), 'intercept': float(y_mean - slope * t_mean),
        'r2': float(1 - rest / total), 'slope_stderr': root(rest / (n - 2) / st),
        'sd': root(rest / (n - 2))})
    slopes = sorted((ys[i] - ys[j]) / (ts[i] - ts[j])
                    for i in range(n) for j in range(i) if ts[i] != ts[j])

    def median(v):
        v = sorted(v)
        return (v[(len(v) - 1) // 2] + v[len(v) // 2]) / 2
    good = sum(s > 0 for s in slopes) - sum(s < 0 for s in slopes)

    def at_least(order):
        return abs(sum(1 if order[i] > order[j] else -1
                       for i in range(n) for j in range(i))) >= abs(good)
    add(name + '-robust', 'theil_sen_and_kendall', {'t_sec': t, 'y': y}, {
        'slope': float(median(slopes)),
        'intercept': float(median(ys) - median(slopes) * median(ts)),
        'tau': float(Fraction(good, n * (n - 1) // 2)),
        'p': share(itertools.permutations(range(n)), at_least)})


def winters(name, x, period, alpha, beta, gamma, level, trend, seasonal):
    l, b, s = map(Fraction, (str(level), str(trend), '0'))
    s = [Fraction(str(v)) for v in seasonal]
    a, be, ga = (Fraction(str(v)) for v in (alpha, beta, gamma))
    sse, fitted = Fraction(0), []
    for i in range(period, len(x)):
        v, k = Fraction(str(x[i])), i % period
        fitted.append(float(l + b + s[k]))
        sse += (v - l - b - s[k]) ** 2
        new = a * (v - s[k]) + (1 - a) * (l + b)
        b = be * (new - l) + (1 - be) * b
        s[k] = ga * (v - new) + (1 - ga) * s[k]
        l = new
    at = len(x) % period
    s = s[at:] + s[:at]
    add(name, 'holt_winters_additive', {'x': x, 'period': period}, {
        'level': float(l), 'trend': float(b), 'sse': float(sse),
        'seasonal': [float(v) for v in s], 'fitted_last3': fitted[-3:],
        'pred3': [float(l + (h + 1) * b + s[h % period]) for h in range(3)]},
        {'alpha': alpha, 'beta': beta, 'gamma': gamma, 'l_start': level,
         'b_start': trend, 's_start': seasonal})


def rest():
    proportions('newcombe-56-70', 56, 70, 48, 80)  # Newcombe 1998, table II (a)
    proportions('proportions-rare', 3, 20000, 15, 21000)
    binned('binned-near', [0.25, 0.25, 0.25, 0.25],
           [0.2500001, 0.2499999, 0.25, 0.25])
    binned('binned-far', [0.7, 0.2, 0.0625, 0.0375], [0.05, 0.1, 0.25, 0.6])
    binned('binned-zero', [0.5, 0.375, 0.125, 0.0], [0.0, 0.375, 0.5, 0.125])
    wasserstein('wasserstein-unequal', [0.5, 1.25, 1.25, 3.0, 7.5],
                [1.0, 1.25, 2.0, 2.0, 2.5, 9.0, 11.0])
    line('line-8', [0, 1, 2, 3, 4, 5, 6, 8], [2.1, 2.9, 4.2, 3.8, 6.1, 5.9, 7.7, 30.5])
    winters('winters-4', [10, 14, 8, 25, 16, 22, 14, 35, 15, 27, 18, 40, 28, 40,
                          25, 65], 4, 0.4, 0.2, 0.3, 14.25, 0.75,
            [-4.25, -0.25, -6.25, 10.75])


def main():
    functions()
    tests()
    rest()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        'vectors.json')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('{"vectors": [\n')
        file.write(',\n'.join(json.dumps(vector) for vector in VECTORS))
        file.write('\n]}\n')


main()
