/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good predictions are, and how sure that is.
 *
 * Every estimate comes with two one-sided bounds: with the given confidence
 * (0.5 to 1) the true value is above low; with the same confidence it is below
 * high.  NaN bounds: the metric has none.  No resampling: closed forms, so the
 * same data give the same answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stats/stats.h"

struct estimate {
	enum stats_status status;
	double value, low, high;
};

/* x of n (accuracy, precision, recall): Wilson 1927. n = 0: STATS_FEW. */
struct estimate quality_share(double x, double n, double confidence);
/*
 * F1 = 2tp/(2tp + fp + fn) = 2J/(1 + J) with Jaccard's J = tp/(tp + fp + fn), a
 * share: its Wilson bounds, mapped.  Nothing positive anywhere: STATS_FEW.
 */
struct estimate quality_f1(double tp, double fp, double fn, double confidence);
/*
 * Area under the ROC curve: the chance that a positive scores higher than a
 * negative, ties half.  Bounds: the score interval of Newcombe 2006 (method 5) on
 * the variance of Hanley and McNeil 1982; they do not collapse at 0 and 1.  At
 * least one of each class; NaN scores: STATS_NOT_FINITE.
 */
struct estimate quality_auc(const double *score, const bool *positive, size_t n, double confidence);
/* The mean of x (squared errors: Brier, MSE; absolute ones: MAE): Student's t. n < 2: no bounds. */
struct estimate quality_mean(const double *x, size_t n, double confidence);
/* Its square root, with the roots of its bounds: RMSE from squared errors. */
struct estimate quality_root(struct estimate mean);
/*
 * Expected calibration error: over `bins` equal parts of [0, 1], the mean of
 * |share of positives - mean score|, weighted by their size (Naeini 2015).  It is
 * biased upwards in small samples and has no bounds.  Scores outside [0, 1]:
 * STATS_INVALID.
 */
struct estimate quality_ece(const double *score, const bool *positive, size_t n, size_t bins);
/* 1 - sum (y - prediction)^2 / sum (y - mean)^2; no bounds. Constant y: STATS_CONSTANT. */
struct estimate quality_r2(const double *prediction, const double *y, size_t n);
/* -ln of the chance given to what happened; p is held within [1e-15, 1 - 1e-15]. */
double quality_log_loss(double p, bool positive);
