/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DP_ONCE_H
#define DP_ONCE_H

/* Keeps the compiler from computing an address anew for each field that is read by it. */
#define DP_ONCE(pointer) __asm__("" : "+r"(pointer))

#endif
