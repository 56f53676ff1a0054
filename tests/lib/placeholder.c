/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the library buildable until its first file arrives. */
typedef int placeholder_test;
