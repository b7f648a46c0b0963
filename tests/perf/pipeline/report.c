/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See report.h.
 */
#include "report.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

void cell_extra(struct cell *cell, const char *key, double value)
{
	for (uint32_t i = 0; i < cell->nb_extras; i++)
		if (strcmp(cell->extras[i].key, key) == 0) {
			cell->extras[i].value = value;
			return;
		}
	if (cell->nb_extras == MAX_EXTRAS)
		die("%s: too many extras", cell->name);
	cell->extras[cell->nb_extras++] = (struct extra){key, value};
}

double cell_extra_get(const struct cell *cell, const char *key)
{
	for (uint32_t i = 0; i < cell->nb_extras; i++)
		if (strcmp(cell->extras[i].key, key) == 0)
			return cell->extras[i].value;
	die("%s: nothing is known of %s", cell->name, key);
}

static bool is_called(const struct cell *c, const char *name, bool is_v6, uint32_t flows)
{
	return strcmp(c->name, name) == 0 && c->is_v6 == is_v6 && c->flows == flows;
}

static bool has_direction(const struct cell *c, const char *direction)
{
	if (c->direction == NULL || direction == NULL)
		return c->direction == direction;
	return strcmp(c->direction, direction) == 0;
}

static bool is_measured(const struct cell *c)
{
	return c->ns.n >= RUNS_MIN;
}

struct cell *report_cell(struct report *r, const char *name, bool is_v6, const char *direction,
        uint32_t flows, uint32_t workers)
{
	struct cell *cell;

	for (uint32_t i = 0; i < r->nb_cells; i++)
		if (is_called(&r->cells[i], name, is_v6, flows) &&
		        has_direction(&r->cells[i], direction))
			return &r->cells[i];
	if (r->nb_cells == MAX_CELLS)
		die("more than %u cells", MAX_CELLS);
	cell = &r->cells[r->nb_cells++];
	*cell = (struct cell){
	        .is_v6 = is_v6, .direction = direction, .flows = flows, .workers = workers};
	snprintf(cell->name, sizeof(cell->name), "%s", name);
	return cell;
}

const struct cell *report_find(
        const struct report *r, const char *name, bool is_v6, const char *direction, uint32_t flows)
{
	for (uint32_t i = 0; i < r->nb_cells; i++) {
		const struct cell *c = &r->cells[i];

		if (is_called(c, name, is_v6, flows) && is_measured(c) &&
		        (direction == NULL || has_direction(c, direction)))
			return c;
	}
	return NULL;
}

/* Whether the last thing that was left out had been said before: there are several visits. */
static bool is_known(const struct report *r)
{
	for (uint32_t i = 0; i + 1 < r->nb_left_out; i++)
		if (strcmp(r->left_out[i], r->left_out[r->nb_left_out - 1]) == 0)
			return true;
	return false;
}

void report_left_out(struct report *r, const char *format, ...)
{
	va_list args;

	if (r->nb_left_out == MAX_CELLS)
		return;
	va_start(args, format);
	if (vasprintf(&r->left_out[r->nb_left_out], format, args) >= 0)
		r->nb_left_out++;
	va_end(args);
	if (is_known(r))
		free(r->left_out[--r->nb_left_out]);
}

void report_clear(struct report *r)
{
	for (uint32_t i = 0; i < r->nb_left_out; i++)
		free(r->left_out[i]);
	memset(r, 0, sizeof(*r));
}

static double mpps(const struct cell *c)
{
	double ns = figures_median(&c->ns);

	if (c->mpps != 0)
		return c->mpps;
	return ns > 0 ? 1e3 / ns : 0;
}

static const char *family_name(const struct cell *c)
{
	if (c->flows == 0)
		return "";
	return c->is_v6 ? "ipv6" : "ipv4";
}

static void print_line(const struct cell *c, FILE *out)
{
	double ns = figures_median(&c->ns), touch = figures_median(&c->touch);

	fprintf(out, "%-15s %-5s %-8s", c->name, family_name(c),
	        c->direction != NULL ? c->direction : "");
	fprintf(out, "%9.0u", c->flows); /* no flows, no number */
	if (c->workers != 0)
		fprintf(out, " %2u", c->workers);
	fprintf(out, " %8.2f (%7.2f-%8.2f)", ns, figures_min(&c->ns), figures_max(&c->ns));
	if (c->workers != 0)
		fprintf(out, " %7.2f", mpps(c));
	if (touch > 0)
		fprintf(out, " %7.2f %6.2f", touch, ns / touch);
	fputc('\n', out);
	for (uint32_t i = 0; i < c->nb_extras; i++)
		fprintf(out, "%s%s %.3f", i % 4 == 0 ? (i == 0 ? "    " : "\n    ") : ", ",
		        c->extras[i].key, c->extras[i].value);
	if (c->nb_extras > 0)
		fputc('\n', out);
}

static void print_lines(const struct report *r, bool cells, FILE *out)
{
	fprintf(out, "\n%-15s %-5s %-8s%9s", cells ? "pipeline" : "reference", "", "", "flows");
	if (cells)
		fprintf(out, " %2s", "w");
	fprintf(out, " %8s (%7s-%8s)", "ns", "min", "max");
	if (cells)
		fprintf(out, " %7s %7s %6s", "Mpps", "touch", "ratio");
	fputc('\n', out);
	for (uint32_t i = 0; i < r->nb_cells; i++)
		if (is_measured(&r->cells[i]) && (r->cells[i].workers != 0) == cells)
			print_line(&r->cells[i], out);
}

static void print_goals(const struct report *r, FILE *out)
{
	fprintf(out, "\n%-76s %9s  %9s\n", "goal", "measured", "limit");
	for (uint32_t i = 0; i < r->nb_goals; i++) {
		const struct goal *g = &r->goals[i];

		fprintf(out, "%-76s %9.2f %s %8.2f %-6s %s\n", g->name, g->measured,
		        g->at_least ? ">=" : "<=", g->limit, g->unit,
		        g->holds ? "holds" : "MISSED");
	}
}

void report_print(const struct bench *b, FILE *out)
{
	const struct report *r = b->report;
	struct machine m;

	machine_describe(&m);
	fprintf(out, "%s, %u cores, TSC %.0f MHz, %s, -march=%s, %s; packets and tables in %s\n",
	        m.cpu, m.cores, (double)m.tsc_hz / 1e6, m.compiler, m.cpu_option, m.dpdk,
	        b->huge ? "huge pages" : "4 KiB pages: figures are worse for it");
	fprintf(out,
	        "up to %u runs of %u packets; ns of CPU time a packet: median (min-max); "
	        "w: workers; tables are 90 %% full\n",
	        b->runs, b->passes * BATCH);
	if (b->nb_repeated > 0)
		fprintf(out, "%u batches were repeated, because somebody else got the CPU\n",
		        b->nb_repeated);
	if (b->nb_runs_repeated > 0)
		fprintf(out, "%u runs were repeated, because touch was slow beside them\n",
		        b->nb_runs_repeated);
	print_lines(r, true, out);
	print_lines(r, false, out);
	if (r->nb_goals > 0)
		print_goals(r, out);
	for (uint32_t i = 0; i < r->nb_left_out; i++)
		fprintf(out, "%sleft out: %s\n", i == 0 ? "\n" : "", r->left_out[i]);
}

/* Three decimals are more than the figures are worth. */
static json_t *number(double value)
{
	return json_real((double)(int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5)) / 1000);
}

static void set_figures(json_t *object, const struct figures *f)
{
	json_object_set_new(object, "ns_per_packet", number(figures_median(f)));
	json_object_set_new(object, "min", number(figures_min(f)));
	json_object_set_new(object, "max", number(figures_max(f)));
	json_object_set_new(object, "runs", json_integer(f->n));
}

static json_t *cell_json(const struct cell *c)
{
	json_t *object = json_object();
	double touch = figures_median(&c->touch);

	json_object_set_new(object, "name", json_string(c->name));
	if (c->flows != 0) {
		json_object_set_new(object, "family", json_string(family_name(c)));
		json_object_set_new(object, "flows", json_integer(c->flows));
	}
	if (c->direction != NULL)
		json_object_set_new(object, "direction", json_string(c->direction));
	if (c->workers != 0)
		json_object_set_new(object, "workers", json_integer(c->workers));
	set_figures(object, &c->ns);
	if (c->workers != 0)
		json_object_set_new(object, "mpps", number(mpps(c)));
	if (touch > 0) {
		json_object_set_new(object, "touch_ns", number(touch));
		json_object_set_new(object, "touch_min", number(figures_min(&c->touch)));
		json_object_set_new(object, "touch_max", number(figures_max(&c->touch)));
		json_object_set_new(
		        object, "ratio_to_touch", number(figures_median(&c->ns) / touch));
	}
	for (uint32_t i = 0; i < c->nb_extras; i++)
		json_object_set_new(object, c->extras[i].key, number(c->extras[i].value));
	return object;
}

static json_t *cells_json(const struct report *r, bool cells)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < r->nb_cells; i++)
		if (is_measured(&r->cells[i]) && (r->cells[i].workers != 0) == cells)
			json_array_append_new(array, cell_json(&r->cells[i]));
	return array;
}

static json_t *goals_json(const struct report *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < r->nb_goals; i++) {
		const struct goal *g = &r->goals[i];
		json_t *object = json_object();

		json_object_set_new(object, "name", json_string(g->name));
		json_object_set_new(object, "measured", number(g->measured));
		json_object_set_new(object, "limit", number(g->limit));
		json_object_set_new(object, "at", json_string(g->at_least ? "least" : "most"));
		json_object_set_new(object, "unit", json_string(g->unit));
		json_object_set_new(object, "holds", json_boolean(g->holds));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *machine_json(const struct bench *b)
{
	json_t *object = json_object();
	struct machine m;

	machine_describe(&m);
	json_object_set_new(object, "cpu", json_string(m.cpu));
	json_object_set_new(object, "cores", json_integer(m.cores));
	json_object_set_new(object, "tsc_hz", json_integer((json_int_t)m.tsc_hz));
	json_object_set_new(object, "hugepages", json_boolean(b->huge));
	json_object_set_new(
	        object, "hugepages_total", json_integer((json_int_t)m.huge_pages_total));
	json_object_set_new(object, "hugepages_free", json_integer((json_int_t)m.huge_pages_free));
	json_object_set_new(object, "compiler", json_string(m.compiler));
	json_object_set_new(object, "cpu_option", json_string(m.cpu_option));
	json_object_set_new(object, "batches_repeated", json_integer(b->nb_repeated));
	json_object_set_new(object, "runs_repeated", json_integer(b->nb_runs_repeated));
	json_object_set_new(object, "dpdk", json_string(m.dpdk));
	return object;
}

void report_print_json(const struct bench *b, FILE *out)
{
	const struct report *r = b->report;
	json_t *root = json_object(), *left_out = json_array();

	for (uint32_t i = 0; i < r->nb_left_out; i++)
		json_array_append_new(left_out, json_string(r->left_out[i]));
	json_object_set_new(root, "quick", json_boolean(b->options->quick));
	json_object_set_new(root, "packets_per_run", json_integer(b->passes * BATCH));
	json_object_set_new(root, "machine", machine_json(b));
	json_object_set_new(root, "references", cells_json(r, false));
	json_object_set_new(root, "cells", cells_json(r, true));
	json_object_set_new(root, "goals", goals_json(r));
	json_object_set_new(root, "left_out", left_out);
	if (json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) != 0)
		die("the report could not be written");
	fputc('\n', out);
	json_decref(root);
}
