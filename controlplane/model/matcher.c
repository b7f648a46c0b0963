/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The one parser of Matcher.HttpCode: what validation accepts is what health checks understand.
 */
#include "matcher.h"

#include <ctype.h>
#include <stddef.h>

/* Three digits in range. */
static const char *code_parse(const char *text, long *code)
{
	*code = 0;
	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)text[i]))
			return NULL;
		*code = *code * 10 + (text[i] - '0');
	}
	return *code >= CP_MATCHER_MIN && *code <= CP_MATCHER_MAX ? text + 3 : NULL;
}

/* What follows the item at 'text': "" or the next item; NULL where it is no item. */
static const char *item_parse(const char *text, long *low, long *high)
{
	text = code_parse(text, low);
	if (text == NULL)
		return NULL;
	*high = *low;
	if (*text == '-')
		text = code_parse(text + 1, high);
	if (text == NULL || *high < *low)
		return NULL;
	if (*text == '\0')
		return text;
	return *text == ',' && text[1] != '\0' ? text + 1 : NULL;
}

bool cp_matcher_valid(const char *text)
{
	long low, high;

	do
		text = item_parse(text, &low, &high);
	while (text != NULL && *text != '\0');
	return text != NULL;
}

bool cp_matcher_match(const char *text, long code)
{
	long low, high;
	bool matches = false;

	if (!cp_matcher_valid(text))
		return false;
	while (*text != '\0' && !matches) {
		text = item_parse(text, &low, &high);
		matches = code >= low && code <= high;
	}
	return matches;
}
