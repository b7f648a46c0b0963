/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From an EAL device argument to the kind of port.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "kind.h"

const char *const dp_kernel_modes[] = {"auto", "twin", "tap", "copy", "none", NULL};

/* Bus 0000:00:00.0, the domain being optional, as EAL takes it. */
static bool is_pci_address(const char *device)
{
	static const char *const shapes[] = {"xxxx:xx:xx.x", "xx:xx.x"};

	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		const char *shape = shapes[s], *at = device;

		while (*shape != '\0' &&
		        (*shape == 'x' ? isxdigit((unsigned char)*at) : *shape == *at)) {
			shape++;
			at++;
		}
		if (*shape == '\0' && (*at == '\0' || *at == ','))
			return true;
	}
	return false;
}

const struct dp_port_kind *dp_port_kind_of(const char *device)
{
	/* dp_port_virtual takes every other net_ device, so it stands last */
	static const struct dp_port_kind *const kinds[] = {
	        &dp_port_af_xdp, &dp_port_af_packet, &dp_port_tap, &dp_port_virtual};

	if (is_pci_address(device))
		return &dp_port_pci;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(device, kinds[i]->driver, strlen(kinds[i]->driver)) == 0)
			return kinds[i];
	}
	return NULL;
}

void dp_port_pci_name(const char *device, char *name, size_t size)
{
	size_t len = strcspn(device, ",");
	bool has_domain = memchr(device, ':', len) != memrchr(device, ':', len);

	snprintf(name, size, "%s%.*s", has_domain ? "" : "0000:", (int)len, device);
}

bool dp_port_argument(const char *device, const char *key, char *value, size_t size)
{
	size_t key_len = strlen(key), len;

	for (const char *at = strchr(device, ','); at != NULL; at = strchr(at, ',')) {
		at++;
		if (strncmp(at, key, key_len) != 0 || at[key_len] != '=')
			continue;
		at += key_len + 1;
		len = strcspn(at, ",");
		if (len == 0 || len >= size)
			return false;
		memcpy(value, at, len);
		value[len] = '\0';
		return true;
	}
	return false;
}
