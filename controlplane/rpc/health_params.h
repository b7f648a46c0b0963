/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The settings of health checks, which CreateTargetGroup and ModifyTargetGroup share.
 */
#ifndef CP_RPC_HEALTH_PARAMS_H
#define CP_RPC_HEALTH_PARAMS_H

#include "params.h"

#define CP_HEALTH_PARAMS                                                        \
	{"HealthCheckProtocol", CP_PARAM_TEXT, false, 1, 40},                   \
	        {"HealthCheckPort", CP_PARAM_TEXT, false, 1, 40},               \
	        {"HealthCheckEnabled", CP_PARAM_BOOLEAN, false, 0, 0},          \
	        {"HealthCheckPath", CP_PARAM_TEXT, false, 1, CP_PATH_LEN - 1},  \
	        {"HealthCheckIntervalSeconds", CP_PARAM_NUMBER, false, 5, 300}, \
	        {"HealthCheckTimeoutSeconds", CP_PARAM_NUMBER, false, 2, 120},  \
	        {"HealthyThresholdCount", CP_PARAM_NUMBER, false, 2, 10},       \
	        {"UnhealthyThresholdCount", CP_PARAM_NUMBER, false, 2, 10},     \
	{                                                                       \
		"Matcher", CP_PARAM_OBJECT, false, 0, 0                         \
	}

/* Changes 'check' as checked parameters ask for; what they don't mention stays. 0 or what cp_fail()
 * returns; 'check' is then of no use. */
int cp_health_read(const json_t *params, struct cp_health_settings *check, struct cp_error *error);

/* Whether they are set alike; what is in force follows from that and the attributes. */
bool cp_health_same(const struct cp_health_settings *a, const struct cp_health_settings *b);

#endif
