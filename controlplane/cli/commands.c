/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of commands. A command of the API is its method in kebab case, its options are those of
 * "aws elbv2", and a short alias takes a name where the API's own option says ARN.
 */
#include <string.h>

#include "lb/rpc.h"
#include "run.h"
#include "show.h"

/* {flag, alias, field, value, choices, help, type, required} */
#define NAME(what)                                                         \
	{                                                                  \
		"--name", NULL, "Name", "NAME", NULL, what, CLI_TEXT, true \
	}
#define NAMES(what)                                                            \
	{                                                                      \
		"--names", NULL, "Names", "NAME", NULL, what, CLI_TEXTS, false \
	}
#define LOAD_BALANCER(required)                                                            \
	{                                                                                  \
		"--load-balancer-arn", "--load-balancer", "LoadBalancerArn", "NAME", NULL, \
		        "The load balancer: its name or its ARN.", CLI_TEXT, required      \
	}
#define TARGET_GROUP(required)                                                          \
	{                                                                               \
		"--target-group-arn", "--target-group", "TargetGroupArn", "NAME", NULL, \
		        "The target group: its name or its ARN.", CLI_TEXT, required    \
	}
#define LISTENER                                                                                \
	{                                                                                       \
		"--listener-arn", "--listener", "ListenerArn", "LISTENER", NULL,                \
		        "The listener: LOAD-BALANCER:PORT, LOAD-BALANCER:PORT/PROTOCOL or its " \
		        "ARN.",                                                                 \
		        CLI_TEXT, true                                                          \
	}
#define ATTRIBUTES                                                                           \
	{                                                                                    \
		"--attributes", NULL, "Attributes", "KEY=VALUE", NULL,                       \
		        "Attributes to set, all or none: key=value or Key=key,Value=value. " \
		        "The describe command of the same name lists the keys.",             \
		        CLI_ATTRIBUTES, true                                                 \
	}
#define FORWARD(required)                                                                         \
	{"--default-actions", NULL, "DefaultActions", "ACTION", NULL,                             \
	        "What to do with a new flow: Type=forward,TargetGroupArn=NAME, or JSON.",         \
	        CLI_OBJECTS, false},                                                              \
	{                                                                                         \
		"--target-group", NULL, "DefaultActions", "NAME", NULL,                           \
		        "The same in short: forward to this target group.", CLI_FORWARD, required \
	}
#define PROTOCOLS "TCP UDP TCP_UDP"
#define END       \
	{         \
		0 \
	}

static const struct cli_option health_check[] = {
        {"--health-check-protocol", NULL, "HealthCheckProtocol", "PROTOCOL", "TCP HTTP HTTPS",
                "How targets are checked; TCP unless given.", CLI_TEXT, false},
        {"--health-check-port", NULL, "HealthCheckPort", "PORT", NULL,
                "Where: a port, or traffic-port for each target's own.", CLI_TEXT, false},
        {"--health-check-path", NULL, "HealthCheckPath", "PATH", NULL,
                "What an HTTP or HTTPS check asks for; / unless given.", CLI_TEXT, false},
        {"--health-check-interval-seconds", NULL, "HealthCheckIntervalSeconds", "SECONDS", NULL,
                "Time between two checks of a target, 5 to 300; shorter ones by the attribute "
                "anabranch.health_check.interval_ms.",
                CLI_INTEGER, false},
        {"--health-check-timeout-seconds", NULL, "HealthCheckTimeoutSeconds", "SECONDS", NULL,
                "No answer for so long is a failed check, 2 to 120.", CLI_INTEGER, false},
        {"--healthy-threshold-count", NULL, "HealthyThresholdCount", "COUNT", NULL,
                "Passed checks in a row that bring a target back, 2 to 10. A new target needs one.",
                CLI_INTEGER, false},
        {"--unhealthy-threshold-count", NULL, "UnhealthyThresholdCount", "COUNT", NULL,
                "Failed checks in a row that take a target out, 2 to 10.", CLI_INTEGER, false},
        {"--matcher", NULL, "Matcher", "CODES", NULL,
                "HTTP status codes of a passed check: 200, 200,202 or 200-399.", CLI_MATCHER,
                false},
        {"--health-check-enabled", NULL, "HealthCheckEnabled", NULL, NULL,
                "Check the targets. The default.", CLI_ON, false},
        {"--no-health-check-enabled", NULL, "HealthCheckEnabled", NULL, NULL, "Do not check them.",
                CLI_OFF, false},
        END};

static const struct cli_option load_balancer_create[] = {
        NAME("1 to 32 letters, digits and hyphens."),
        {"--subnets", NULL, "Subnets", "SUBNET", NULL,
                "Subnets of the daemon's file, one a zone; the lowest free address of each is "
                "taken.",
                CLI_TEXTS, false},
        {"--subnet-mappings", NULL, "SubnetMappings", "MAPPING", NULL,
                "The same with addresses of one's own: "
                "SubnetId=subnet-a,PrivateIPv4Address=10.90.0.10, IPv6Address=… or "
                "AllocationId=….",
                CLI_OBJECTS, false},
        {"--scheme", NULL, "Scheme", "SCHEME", "internet-facing internal",
                "internet-facing unless given.", CLI_TEXT, false},
        {"--ip-address-type", NULL, "IpAddressType", "TYPE", "ipv4 dualstack", "ipv4 unless given.",
                CLI_TEXT, false},
        {"--type", NULL, "Type", "TYPE", "network", "network, the only type there is.", CLI_TEXT,
                false},
        END};

static const struct cli_option load_balancers_describe[] = {NAMES("Only these load balancers."),
        {"--load-balancer-arns", NULL, "LoadBalancerArns", "ARN", NULL,
                "Only these load balancers, by ARN.", CLI_TEXTS, false},
        END};

static const struct cli_option load_balancer_one[] = {LOAD_BALANCER(true), END};
static const struct cli_option load_balancer_attributes[] = {LOAD_BALANCER(true), ATTRIBUTES, END};

static const struct cli_option target_group_create[] = {
        NAME("1 to 32 letters, digits and hyphens."),
        {"--protocol", NULL, "Protocol", "PROTOCOL", PROTOCOLS, "Of the traffic to the targets.",
                CLI_TEXT, true},
        {"--port", NULL, "Port", "PORT", NULL,
                "Of the targets, unless they are registered with another, 1 to 65535.", CLI_INTEGER,
                true},
        {"--ip-address-type", NULL, "IpAddressType", "TYPE", "ipv4 ipv6",
                "The targets' family; ipv4 unless given.", CLI_TEXT, false},
        {"--target-type", NULL, "TargetType", "TYPE", "ip", "ip, the only type there is.", CLI_TEXT,
                false},
        {"--vpc-id", NULL, "VpcId", "TEXT", NULL, "Any text; given back as it is.", CLI_TEXT,
                false},
        END};

static const struct cli_option target_groups_describe[] = {NAMES("Only these target groups."),
        {"--target-group-arns", NULL, "TargetGroupArns", "ARN", NULL,
                "Only these target groups, by ARN.", CLI_TEXTS, false},
        {"--load-balancer-arn", "--load-balancer", "LoadBalancerArn", "NAME", NULL,
                "Only the target groups of this load balancer.", CLI_TEXT, false},
        END};

static const struct cli_option target_group_one[] = {TARGET_GROUP(true), END};
static const struct cli_option target_group_attributes[] = {TARGET_GROUP(true), ATTRIBUTES, END};

#define TARGETS(required)                                                              \
	{                                                                              \
		"--targets", NULL, "Targets", "TARGET", NULL,                          \
		        "ADDRESS:PORT, [IPV6]:PORT, ADDRESS for the group's port, or " \
		        "Id=ADDRESS,Port=PORT,AvailabilityZone=ZONE.",                 \
		        CLI_TARGETS, required                                          \
	}

static const struct cli_option targets_change[] = {TARGET_GROUP(true), TARGETS(true), END};
static const struct cli_option target_health[] = {TARGET_GROUP(true), TARGETS(false), END};

static const struct cli_option listener_create[] = {LOAD_BALANCER(true),
        {"--protocol", NULL, "Protocol", "PROTOCOL", PROTOCOLS, "That clients speak.", CLI_TEXT,
                true},
        {"--port", NULL, "Port", "PORT", NULL, "That clients connect to, 1 to 65535.", CLI_INTEGER,
                true},
        FORWARD(true), END};

static const struct cli_option listeners_describe[] = {LOAD_BALANCER(false),
        {"--listener-arns", "--listeners", "ListenerArns", "LISTENER", NULL,
                "Only these: LOAD-BALANCER:PORT, LOAD-BALANCER:PORT/PROTOCOL or ARNs.", CLI_TEXTS,
                false},
        END};

static const struct cli_option listener_modify[] = {LISTENER,
        {"--protocol", NULL, "Protocol", "PROTOCOL", PROTOCOLS, "The new protocol.", CLI_TEXT,
                false},
        {"--port", NULL, "Port", "PORT", NULL, "The new port.", CLI_INTEGER, false}, FORWARD(false),
        END};

static const struct cli_option listener_one[] = {LISTENER, END};
static const struct cli_option listener_attributes[] = {LISTENER, ATTRIBUTES, END};

static const struct cli_option status_options[] = {
        {"--target-groups", NULL, "TargetGroups", "NAME", NULL,
                "Only these target groups, with all of their targets.", CLI_TEXTS, false},
        END};

static const struct cli_option serve_options[] = {
        {"--name", NULL, "Name", "NAME", NULL,
                "Of the load balancer and, with the protocol and the port after it, of the "
                "target group; made from the address unless given.",
                CLI_TEXT, false},
        {"--subnet", NULL, "Subnet", "SUBNET", NULL,
                "The subnet of the daemon's file that holds the address; found by itself where "
                "only one does.",
                CLI_TEXT, false},
        END};

static const struct cli_option probe_options[] = {
        {"--udp", NULL, "Udp", NULL, NULL, "Send a datagram instead of opening a TCP connection.",
                CLI_ON, false},
        {"--payload", NULL, "Payload", "TEXT", NULL,
                "What the datagram holds; \"anabranch probe\" unless given.", CLI_TEXT, false},
        {"--http", NULL, "Http", NULL, NULL,
                "Ask for / on the connection and print the answer's first line.", CLI_ON, false},
        {"--timeout", NULL, "TimeoutMs", "MS", NULL,
                "How long to wait for an answer, 1 to 60000; 2000 unless given.", CLI_INTEGER,
                false},
        {"--count", NULL, "Count", "COUNT", NULL,
                "How many clients to play, one after the other, 1 to 1000; each has a port of "
                "its own, and so may meet another target.",
                CLI_INTEGER, false},
        {"--interface", NULL, "Interface", "NAME", NULL,
                "The data plane's probe port; the daemon is asked unless given.", CLI_TEXT, false},
        END};

const struct cli_option cli_global_options[] = {
        {"--socket", NULL, NULL, "PATH", NULL,
                "The control socket; ANABRANCH_SOCKET or " LB_CONTROL_SOCKET " unless given.",
                CLI_TEXT, false},
        {"--json", NULL, NULL, NULL, NULL, "Print the daemon's result, exactly, for machines.",
                CLI_ON, false},
        {"--help", NULL, NULL, NULL, NULL, "Print help: of the command, when there is one.", CLI_ON,
                false},
        END};

const char *const cli_section_names[CLI_SECTIONS] = {
        [CLI_EVERYDAY] = "Every day",
        [CLI_LOAD_BALANCERS] = "Load balancers",
        [CLI_LISTENERS] = "Listeners",
        [CLI_TARGET_GROUPS] = "Target groups and targets",
};

const struct cli_command cli_commands[] = {
        {.name = "status",
                .method = "Status",
                .section = CLI_EVERYDAY,
                .summary = "Show at a glance whether all is well",
                .details = "What is wrong comes first, with what to do. Then the two processes, "
                           "zones, listeners and targets with their packets, bits and new flows "
                           "in the last second, and the reasons for dropped packets.",
                .options = status_options,
                .run = cli_run_status},
        {.name = "serve",
                .section = CLI_EVERYDAY,
                .summary = "Make everything that a simple service needs, at once",
                .words = "PROTOCOL ADDRESS:PORT TARGET…",
                .details = "Makes a load balancer with this address, a target group with these "
                           "targets and a listener that forwards to them. All of the targets "
                           "serve the address, whatever zone they are in (cross-zone is on). "
                           "What is there already is kept: the same command twice is the same as "
                           "once, and with more targets it adds them. When a step fails, what was "
                           "made is taken away again. PROTOCOL is tcp, udp or tcp_udp; a TARGET "
                           "is ADDRESS:PORT, or ADDRESS for the port that is served.",
                .examples = "anabranch serve tcp 10.90.0.10:80 10.1.0.11:80 10.1.0.12:80\n"
                            "anabranch serve udp [fd00:90::10]:53 [fd00:1::11]:53 --name dns",
                .options = serve_options,
                .run = cli_run_serve},
        {.name = "probe",
                .section = CLI_EVERYDAY,
                .summary = "Try a virtual address from the load balancer's own host",
                .words = "ADDRESS:PORT",
                .details = "A plain client on this host can't: the kernel's guard drops its "
                           "packets, so that the kernel never answers for a virtual address. The "
                           "probe gives the data plane frames of a client with an address of its "
                           "own, 198.18.0.2 or 2001:2::2, and reads what comes back: the whole "
                           "way, through a worker, to a target and back. Targets see that "
                           "address, and must route it to this load balancer. It needs root or "
                           "CAP_NET_RAW. Exit codes: 0 each attempt was answered, 1 one was "
                           "reset or had no answer, 2 the command line makes no sense, 3 nothing "
                           "could be tried.",
                .options = probe_options,
                .run = cli_run_probe},
        {.name = "rpc",
                .section = CLI_EVERYDAY,
                .summary = "Call a method of the control socket as it is",
                .words = "METHOD [JSON]",
                .details = "The parameters are a JSON object; the result is printed as JSON.",
                .examples = "anabranch rpc DescribeTargetHealth "
                            "'{\"TargetGroupArn\": \"web\"}'",
                .run = cli_run_rpc},
        {.name = "help",
                .section = CLI_EVERYDAY,
                .summary = "Print help, of a command when one is named",
                .words = "[COMMAND]",
                .run = cli_run_help},

        {.name = "create-load-balancer",
                .method = "CreateLoadBalancer",
                .section = CLI_LOAD_BALANCERS,
                .summary = "Make a load balancer with an address in each zone",
                .details = "Give either --subnets or --subnet-mappings.",
                .examples = "anabranch create-load-balancer --name shop --subnets subnet-a "
                            "subnet-b\n"
                            "anabranch create-load-balancer --name shop --subnet-mappings "
                            "SubnetId=subnet-a,PrivateIPv4Address=10.90.0.10",
                .options = load_balancer_create,
                .run = cli_run_method,
                .show = cli_show_load_balancers},
        {.name = "describe-load-balancers",
                .method = "DescribeLoadBalancers",
                .section = CLI_LOAD_BALANCERS,
                .summary = "List load balancers",
                .options = load_balancers_describe,
                .run = cli_run_method,
                .show = cli_show_load_balancers},
        {.name = "delete-load-balancer",
                .method = "DeleteLoadBalancer",
                .section = CLI_LOAD_BALANCERS,
                .summary = "Delete a load balancer and its listeners",
                .options = load_balancer_one,
                .run = cli_run_method},
        {.name = "modify-load-balancer-attributes",
                .method = "ModifyLoadBalancerAttributes",
                .section = CLI_LOAD_BALANCERS,
                .summary = "Set attributes of a load balancer",
                .examples = "anabranch modify-load-balancer-attributes --load-balancer shop "
                            "--attributes load_balancing.cross_zone.enabled=true",
                .options = load_balancer_attributes,
                .run = cli_run_method,
                .show = cli_show_attributes},
        {.name = "describe-load-balancer-attributes",
                .method = "DescribeLoadBalancerAttributes",
                .section = CLI_LOAD_BALANCERS,
                .summary = "List the attributes of a load balancer",
                .options = load_balancer_one,
                .run = cli_run_method,
                .show = cli_show_attributes},

        {.name = "create-listener",
                .method = "CreateListener",
                .section = CLI_LISTENERS,
                .summary = "Take traffic at a port of a load balancer",
                .details = "Give either --target-group or --default-actions.",
                .examples = "anabranch create-listener --load-balancer shop --protocol TCP "
                            "--port 80 --target-group web",
                .options = listener_create,
                .run = cli_run_method,
                .show = cli_show_listeners},
        {.name = "describe-listeners",
                .method = "DescribeListeners",
                .section = CLI_LISTENERS,
                .summary = "List listeners",
                .options = listeners_describe,
                .run = cli_run_method,
                .show = cli_show_listeners},
        {.name = "modify-listener",
                .method = "ModifyListener",
                .section = CLI_LISTENERS,
                .summary = "Change a listener's port, protocol or target group",
                .details = "Flows that are there stay with their target.",
                .examples = "anabranch modify-listener --listener shop:80 --target-group web-2",
                .options = listener_modify,
                .run = cli_run_method,
                .show = cli_show_listeners},
        {.name = "delete-listener",
                .method = "DeleteListener",
                .section = CLI_LISTENERS,
                .summary = "Delete a listener",
                .options = listener_one,
                .run = cli_run_method},
        {.name = "modify-listener-attributes",
                .method = "ModifyListenerAttributes",
                .section = CLI_LISTENERS,
                .summary = "Set attributes of a listener",
                .examples = "anabranch modify-listener-attributes --listener shop:80 "
                            "--attributes tcp.idle_timeout.seconds=600",
                .options = listener_attributes,
                .run = cli_run_method,
                .show = cli_show_attributes},
        {.name = "describe-listener-attributes",
                .method = "DescribeListenerAttributes",
                .section = CLI_LISTENERS,
                .summary = "List the attributes of a listener",
                .options = listener_one,
                .run = cli_run_method,
                .show = cli_show_attributes},

        {.name = "create-target-group",
                .method = "CreateTargetGroup",
                .section = CLI_TARGET_GROUPS,
                .summary = "Make a group of targets with one kind of health check",
                .examples = "anabranch create-target-group --name web --protocol TCP --port 80 "
                            "--health-check-protocol HTTP --health-check-path /healthz",
                .options = target_group_create,
                .more = health_check,
                .run = cli_run_method,
                .show = cli_show_target_groups},
        {.name = "describe-target-groups",
                .method = "DescribeTargetGroups",
                .section = CLI_TARGET_GROUPS,
                .summary = "List target groups",
                .options = target_groups_describe,
                .run = cli_run_method,
                .show = cli_show_target_groups},
        {.name = "modify-target-group",
                .method = "ModifyTargetGroup",
                .section = CLI_TARGET_GROUPS,
                .summary = "Change how a group's targets are checked",
                .options = target_group_one,
                .more = health_check,
                .run = cli_run_method,
                .show = cli_show_target_groups},
        {.name = "delete-target-group",
                .method = "DeleteTargetGroup",
                .section = CLI_TARGET_GROUPS,
                .summary = "Delete a target group that no listener uses",
                .options = target_group_one,
                .run = cli_run_method},
        {.name = "modify-target-group-attributes",
                .method = "ModifyTargetGroupAttributes",
                .section = CLI_TARGET_GROUPS,
                .summary = "Set attributes of a target group",
                .examples = "anabranch modify-target-group-attributes --target-group web "
                            "--attributes deregistration_delay.timeout_seconds=30 "
                            "anabranch.health_check.interval_ms=500",
                .options = target_group_attributes,
                .run = cli_run_method,
                .show = cli_show_attributes},
        {.name = "describe-target-group-attributes",
                .method = "DescribeTargetGroupAttributes",
                .section = CLI_TARGET_GROUPS,
                .summary = "List the attributes of a target group",
                .options = target_group_one,
                .run = cli_run_method,
                .show = cli_show_attributes},
        {.name = "register-targets",
                .method = "RegisterTargets",
                .section = CLI_TARGET_GROUPS,
                .summary = "Add targets to a group",
                .examples = "anabranch register-targets --target-group web --targets "
                            "10.1.0.11:80 10.1.0.12:80",
                .options = targets_change,
                .run = cli_run_method},
        {.name = "deregister-targets",
                .method = "DeregisterTargets",
                .section = CLI_TARGET_GROUPS,
                .summary = "Take targets out of a group; their flows may finish",
                .options = targets_change,
                .run = cli_run_method},
        {.name = "describe-target-health",
                .method = "DescribeTargetHealth",
                .section = CLI_TARGET_GROUPS,
                .summary = "Show the state of each target of a group, and why",
                .examples = "anabranch describe-target-health --target-group web",
                .options = target_health,
                .run = cli_run_method,
                .show = cli_show_target_health},
        {0}};

static bool is_in(const struct cli_option *list, const struct cli_option *option)
{
	for (; list->flag != NULL; list++)
		if (list == option)
			return true;
	return false;
}

const struct cli_option *cli_option_next(
        const struct cli_command *command, const struct cli_option *at)
{
	const struct cli_option *next;

	if (command == NULL)
		return NULL;
	next = at != NULL ? at + 1 : command->options;
	if (next == NULL || next->flag != NULL)
		return next;
	return command->more != NULL && !is_in(command->more, at) ? command->more : NULL;
}

const struct cli_command *cli_command_find(const char *name)
{
	for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}
