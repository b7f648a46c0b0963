/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_DIE_H
#define BENCH_DIE_H

/* Ends the program: what follows would be wrong figures. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif
