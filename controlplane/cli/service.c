/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See serve.h.
 */
#include "serve.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "run.h"
#include "value.h"

static bool is_v6(const json_t *target)
{
	return strchr(json_string_value(json_object_get(target, "Id")), ':') != NULL;
}

/* 0, or an exit code. */
static int read_targets(struct cli_service *service, const struct cli_call *call)
{
	service->targets = json_array();
	for (size_t i = 2; i < call->nb_words; i++) {
		json_t *target = cli_target_parse(call->words[i]);

		if (target == NULL)
			return cli_usage(call, "'%s' is no target: ADDRESS:PORT or [IPV6]:PORT is",
			        call->words[i]);
		if (json_object_get(target, "Port") == NULL)
			json_object_set_new(target, "Port", json_integer(service->port));
		json_array_append_new(service->targets, target);
		if (i > 2 && is_v6(target) != service->targets_v6)
			return cli_usage(call, "targets of one group are all IPv4 or all IPv6");
		service->targets_v6 = is_v6(target);
	}
	if (service->targets_v6 != service->vip_v6)
		return cli_usage(call, "%s is %s, its targets are %s: packets keep their family",
		        service->address, service->vip_v6 ? "IPv6" : "IPv4",
		        service->targets_v6 ? "IPv6" : "IPv4");
	return 0;
}

/* Adds text as names may have it: small letters, digits and hyphens. */
static void name_add(char *name, size_t len, const char *text)
{
	size_t used = strlen(name);

	for (; *text != '\0' && used + 1 < len; text++)
		name[used++] = isalnum((unsigned char)*text) ? (char)tolower(*text) : '-';
	name[used] = '\0';
}

/* "vip-10-90-0-10" and "vip-10-90-0-10-tcp-80": within ELBv2's 32 characters for every IPv4
 * address; a long IPv6 address gives its end. */
static void make_names(struct cli_service *service, const json_t *params)
{
	const char *given = json_string_value(json_object_get(params, "Name"));
	const size_t len = strlen(service->address);
	char tail[32];

	snprintf(service->lb, sizeof(service->lb), "%s", given != NULL ? given : "vip-");
	if (given == NULL)
		name_add(service->lb, sizeof(service->lb),
		        service->address + (len > 15 ? len - 15 : 0));
	snprintf(service->group, sizeof(service->group), "%s", service->lb);
	snprintf(tail, sizeof(tail), "-%s-%d",
	        strcmp(service->protocol, "TCP_UDP") == 0 ? "both" : service->protocol,
	        (int)service->port);
	name_add(service->group, sizeof(service->group), tail);
}

int cli_service_read(struct cli_service *service, const struct cli_call *call)
{
	if (call->nb_words < 3)
		return cli_usage(call, "give a PROTOCOL, an ADDRESS:PORT to serve and at least one "
		                       "TARGET");
	if (!cli_choice_find("TCP UDP TCP_UDP", call->words[0], service->protocol,
	            sizeof(service->protocol)))
		return cli_usage(
		        call, "'%s' is no protocol: tcp, udp and tcp_udp are", call->words[0]);
	service->vip = cli_target_parse(call->words[1]);
	service->port = json_integer_value(json_object_get(service->vip, "Port"));
	if (service->vip == NULL || service->port == 0)
		return cli_usage(call, "'%s' is nothing to serve: ADDRESS:PORT or [IPV6]:PORT is",
		        call->words[1]);
	service->address = json_string_value(json_object_get(service->vip, "Id"));
	service->vip_v6 = is_v6(service->vip);
	make_names(service, call->params);
	return read_targets(service, call);
}

void cli_service_clear(struct cli_service *service)
{
	json_decref(service->vip);
	json_decref(service->targets);
}
