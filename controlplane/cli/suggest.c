/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See suggest.h.
 */
#include "suggest.h"

#include <stddef.h>
#include <string.h>

#define MAX_LEN 64

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, delete or replace (Levenshtein), by one row of the matrix. */
static unsigned edit_distance(const char *a, const char *b)
{
	const size_t len_a = strlen(a), len_b = strlen(b);
	unsigned row[MAX_LEN + 1];

	if (len_a > MAX_LEN || len_b > MAX_LEN)
		return MAX_LEN;
	for (size_t i = 0; i <= len_b; i++)
		row[i] = (unsigned)i;
	for (size_t i = 1; i <= len_a; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= len_b; j++) {
			const unsigned above = row[j];

			row[j] =
			        least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[len_b];
}

void cli_suggest(struct cli_suggestion *best, const char *typed, const char *word)
{
	const size_t len = strlen(typed);
	/* a word begun and not finished is near, however much is missing */
	const unsigned distance =
	        len > 3 && strncmp(typed, word, len) == 0 ? 1 : edit_distance(typed, word);

	if (distance > 1 + len / 4 || (best->word != NULL && distance >= best->distance))
		return;
	best->word = word;
	best->distance = distance;
}
