/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Zones, as the daemon's file names them.
 */
#include "change.h"

#include <stdio.h>

int cp_zone_find(const struct cp_model *model, const char *name)
{
	for (uint32_t i = 0; i < model->nb_zones; i++)
		if (strcmp(model->zone_names[i], name) == 0)
			return (int)i;
	return -1;
}

bool cp_word_valid(const char *word, size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789-_.";
	size_t len = strnlen(word, size);

	return len > 0 && len < size && strspn(word, letters) == len;
}

int cp_model_add_zone(struct cp_model *model, const char *name, char *why, size_t why_len)
{
	if (!cp_word_valid(name, CP_ZONE_LEN))
		return cp_refuse(why, why_len,
		        "zone name \"%.80s\": 1 to 63 letters, digits, '-', '_' and '.' are right",
		        name);
	if (strcmp(name, "all") == 0)
		return cp_refuse(
		        why, why_len, "zone name \"all\" has a meaning of its own: take another");
	if (cp_zone_find(model, name) >= 0)
		return cp_refuse(why, why_len, "zone \"%s\" is there twice", name);
	if (model->nb_zones == CP_MAX_ZONES)
		return cp_refuse(why, why_len, "zone \"%s\": there are %d zones already, the most",
		        name, CP_MAX_ZONES);
	snprintf(model->zone_names[model->nb_zones++], CP_ZONE_LEN, "%s", name);
	return 0;
}
