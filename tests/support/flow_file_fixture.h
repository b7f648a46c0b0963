/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A flow table's file with known flows in it, for cmocka tests.
 */
#ifndef FLOW_FILE_FIXTURE_H
#define FLOW_FILE_FIXTURE_H

#include "flow_fixture.h"

#define FLOW_FILE_FLOWS 40 /* that fit, of each family */

extern char flow_file_directory[], flow_file_path[64];
extern char flow_file_copy[64]; /* for a second table */

/* Group set-up and tear-down, and a test's. */
int flow_file_setup(void **state);
int flow_file_teardown(void **state);
int flow_file_remove(void **state);

struct dp_flow_config flow_file_config(const char *file);
struct dp_flow_table *flow_file_open(const char *file, bool *kept);

/* Flow 'i' of 30: ten of one client port, through several lines; twenty others; both families. */
struct spec flow_file_flow(uint16_t i);
/* The table with the first 'n' of them open. */
struct dp_flow_table *flow_file_fill(const char *file, uint16_t n);
void flow_file_assert_flows(const struct dp_flow_table *t, uint16_t n);
/* Flows that stand in the buckets; and that they are as many as the usage says. */
uint32_t flow_file_count(const struct dp_flow_table *t);
void flow_file_assert_counted(const struct dp_flow_table *t);
/* The table in the file is not taken over, and the new one works. */
void flow_file_assert_starts_empty(const char *file);

void flow_file_write_at(const char *file, uint64_t offset, const void *bytes, size_t n);
/* Makes flow_file_copy of 'n' bytes. */
void flow_file_write_copy(const uint8_t *bytes, size_t n);

#endif
