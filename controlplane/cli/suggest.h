/* SPDX-License-Identifier: BSD-3-Clause
 *
 * "Did you mean …?": the word of a list that is nearest to a mistyped one. Pure.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

struct cli_suggestion {
	const char *word; /* NULL: nothing is near enough */
	unsigned distance;
};

/* Offers 'word' as what 'typed' may have meant. */
void cli_suggest(struct cli_suggestion *best, const char *typed, const char *word);

#endif
