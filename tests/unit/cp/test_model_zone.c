/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Zones and subnets, as the daemon's file gives them, and the texts of addresses.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "model/change.h"

static int setup(void **state)
{
	static const struct cp_model_limits limits = {16, 16};
	struct cp_model *model = cp_model_create(NULL, &limits);
	char why[256];

	*state = model;
	return cp_model_add_zone(model, "a", why, sizeof(why)) |
	       cp_model_add_zone(model, "b", why, sizeof(why));
}

static int teardown(void **state)
{
	cp_model_free(*state);
	return 0;
}

static struct lb_ip ip_of(const char *text)
{
	struct lb_ip ip;

	assert_int_equal(cp_ip_parse(text, &ip), 0);
	return ip;
}

static struct cp_range range_of(const char *prefix, uint8_t prefix_len)
{
	return (struct cp_range){
	        .present = true, .prefix = ip_of(prefix), .prefix_len = prefix_len};
}

static struct cp_range free_range(
        const char *prefix, uint8_t prefix_len, const char *first, const char *last)
{
	struct cp_range range = range_of(prefix, prefix_len);

	range.has_free = true;
	range.first = ip_of(first);
	range.last = ip_of(last);
	return range;
}

static struct cp_subnet subnet_of(const char *id, const char *zone)
{
	struct cp_subnet subnet = {.interface = "lo"};

	snprintf(subnet.id, sizeof(subnet.id), "%s", id);
	snprintf(subnet.zone_name, sizeof(subnet.zone_name), "%s", zone);
	return subnet;
}

static void add(struct cp_model *model, const struct cp_subnet *subnet)
{
	char why[256] = "";

	if (cp_model_add_subnet(model, subnet, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

/* Refused, with 'word' in the reason, and nothing is added. */
static void refuse(struct cp_model *model, const struct cp_subnet *subnet, const char *word)
{
	unsigned before = HASH_COUNT(model->subnets);
	char why[256] = "";

	assert_int_not_equal(cp_model_add_subnet(model, subnet, why, sizeof(why)), 0);
	if (strstr(why, word) == NULL)
		fail_msg("'%s' does not say '%s'", why, word);
	assert_int_equal(HASH_COUNT(model->subnets), before);
}

static void wrong_zone_names_are_refused(void **state)
{
	static const char *const wrong[] = {"", "a", "all", "a b", "\n", "a/b",
	        "0123456789012345678901234567890123456789012345678901234567890123"};
	struct cp_model *model = *state;
	char why[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		why[0] = '\0';
		assert_int_not_equal(cp_model_add_zone(model, wrong[i], why, sizeof(why)), 0);
		assert_string_not_equal(why, "");
	}
	assert_int_equal(model->nb_zones, 2);
}

static void there_are_sixteen_zones_at_most(void **state)
{
	struct cp_model *model = *state;
	char name[24], why[256];

	for (int i = 2; i < CP_MAX_ZONES; i++) {
		snprintf(name, sizeof(name), "zone-%d", i);
		assert_int_equal(cp_model_add_zone(model, name, why, sizeof(why)), 0);
		assert_int_equal(cp_zone_find(model, name), i);
	}
	assert_int_not_equal(cp_model_add_zone(model, "one-more", why, sizeof(why)), 0);
}

static void wrong_subnets_are_refused(void **state)
{
	struct cp_model *model = *state;
	struct cp_subnet subnet = subnet_of("s", "a");
	struct cp_static_address statics[2] = {
	        {"one", ip_of("10.0.0.5")}, {"one", ip_of("10.0.0.6")}};

	refuse(model, &subnet, "prefix");
	subnet.v4 = range_of("10.0.0.0", 24);
	snprintf(subnet.zone_name, sizeof(subnet.zone_name), "z");
	refuse(model, &subnet, "zone");
	snprintf(subnet.zone_name, sizeof(subnet.zone_name), "a");
	subnet.id[0] = '\0';
	refuse(model, &subnet, "id");
	subnet.id[0] = 's';
	subnet.v4 = range_of("10.0.0.1", 24);
	refuse(model, &subnet, "IPv4 prefix");
	subnet.v4 = range_of("fd00::", 24);
	refuse(model, &subnet, "IPv4 prefix");
	subnet.v4 = range_of("10.0.0.0", 33);
	refuse(model, &subnet, "IPv4 prefix");
	subnet.v4 = range_of("10.0.0.0", 24);
	subnet.v6 = range_of("10.0.0.0", 24);
	refuse(model, &subnet, "IPv6 prefix");
	subnet.v6 = range_of("fd00::1", 64);
	refuse(model, &subnet, "IPv6 prefix");
	subnet.v6 = (struct cp_range){0};
	subnet.v4 = free_range("10.0.0.0", 24, "10.0.0.9", "10.0.0.8");
	refuse(model, &subnet, "above");
	subnet.v4 = free_range("10.0.0.0", 24, "10.0.1.8", "10.0.1.9");
	refuse(model, &subnet, "10.0.1.8");
	subnet.v4 = free_range("10.0.0.0", 24, "10.0.0.0", "10.0.0.9");
	refuse(model, &subnet, "10.0.0.0");
	subnet.v4 = free_range("10.0.0.0", 24, "10.0.0.1", "10.0.0.255");
	refuse(model, &subnet, "10.0.0.255");
	subnet.v4 = range_of("10.0.0.0", 24);
	subnet.addresses = statics;
	subnet.nb_addresses = 2;
	refuse(model, &subnet, "twice");
	statics[1] = (struct cp_static_address){"two", ip_of("fd00::1")};
	refuse(model, &subnet, "fd00::1");
	statics[1] = (struct cp_static_address){"", ip_of("10.0.0.6")};
	refuse(model, &subnet, "AllocationId");
	statics[1] = (struct cp_static_address){"two", ip_of("10.0.0.6")};
	add(model, &subnet);
	refuse(model, &subnet, "twice");
	subnet.id[0] = 't';
	refuse(model, &subnet, "already");
	subnet.v4 = range_of("10.0.0.0", 16);
	refuse(model, &subnet, "twice");
}

static void the_longest_prefix_tells_the_subnet(void **state)
{
	struct cp_model *model = *state;
	struct cp_subnet wide = subnet_of("wide", "a"), narrow = subnet_of("narrow", "b");
	struct lb_ip ip;

	wide.v4 = range_of("10.0.0.0", 8);
	wide.v6 = range_of("::", 0);
	narrow.v4 = range_of("10.1.2.128", 25);
	narrow.v6 = range_of("fd00::8", 125);
	add(model, &wide);
	add(model, &narrow);
	ip = ip_of("10.1.2.127");
	assert_string_equal(cp_subnet_of(model, &ip)->id, "wide");
	ip = ip_of("10.1.2.128");
	assert_string_equal(cp_subnet_of(model, &ip)->id, "narrow");
	ip = ip_of("10.1.3.0");
	assert_string_equal(cp_subnet_of(model, &ip)->id, "wide");
	ip = ip_of("11.0.0.0");
	assert_null(cp_subnet_of(model, &ip));
	ip = ip_of("fd00::f");
	assert_string_equal(cp_subnet_of(model, &ip)->id, "narrow");
	ip = ip_of("fd00::10");
	assert_string_equal(cp_subnet_of(model, &ip)->id, "wide");
}

static void free_addresses_are_the_lowest_and_never_reserved(void **state)
{
	struct cp_static_address statics[] = {
	        {"one", ip_of("10.0.0.10")}, {"two", ip_of("10.0.0.12")}};
	struct cp_model *model = *state;
	struct cp_subnet subnet = subnet_of("s", "a"), around = subnet_of("around", "b");
	struct cp_load_balancer lb = {0};
	const struct cp_range *range;
	struct lb_ip ip;

	subnet.v4 = free_range("10.0.0.0", 24, "10.0.0.10", "10.0.0.13");
	subnet.addresses = statics;
	subnet.nb_addresses = 2;
	around.v4 = free_range("10.0.0.0", 8, "10.0.0.11", "10.0.0.14");
	add(model, &subnet);
	add(model, &around);
	range = &cp_subnet_find(model, "s")->v4;
	assert_true(cp_range_lowest(range, &ip));
	ip = ip_of("10.0.0.11");
	assert_true(lb_ip_equal(&range->lowest, &ip));
	/* Taken by way of one subnet, it is taken in the one around it too. */
	cp_vip_add(model, &lb, &ip);
	ip = ip_of("10.0.0.13");
	assert_true(lb_ip_equal(&range->lowest, &ip));
	assert_true(lb_ip_equal(&cp_subnet_find(model, "around")->v4.lowest, &ip));
	cp_vip_add(model, &lb, &ip);
	assert_false(cp_range_lowest(range, &ip));
	ip = ip_of("10.0.0.11");
	cp_vip_remove(model, &ip);
	assert_true(cp_range_lowest(range, &ip));
	assert_true(lb_ip_equal(&cp_subnet_find(model, "around")->v4.lowest, &range->lowest));
}

static void addresses_read_and_write_alike(void **state)
{
	static const char *const same[] = {
	        "0.0.0.0", "10.0.1.11", "255.255.255.255", "::", "fd00::11", "2001:db8::1:0:0:1"};
	static const char *const wrong[] = {"", "10.0.0", "10.0.0.256", "010.0.0.1", " 10.0.0.1",
	        "10.0.0.1 ", "::ffff:10.0.0.1", "fe80::1%eth0", ":::", "1::2::3", "x"};
	char text[INET6_ADDRSTRLEN];
	struct lb_ip ip;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		ip = ip_of(same[i]);
		cp_ip_format(&ip, text, sizeof(text));
		assert_string_equal(text, same[i]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_not_equal(cp_ip_parse(wrong[i], &ip), 0);
}

static void only_unicast_addresses_are_hosts(void **state)
{
	static const char *const hosts[] = {
	        "1.0.0.0", "10.0.0.1", "169.254.1.1", "223.255.255.255", "2001:db8::1", "fd00::1"};
	static const char *const others[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.1",
	        "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "ff02::1", "fe80::1",
	        "febf::1"};
	struct lb_ip ip;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		ip = ip_of(hosts[i]);
		assert_true(cp_ip_is_host(&ip));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ip = ip_of(others[i]);
		assert_false(cp_ip_is_host(&ip));
	}
}

static void targets_read_with_and_without_a_port(void **state)
{
	static const struct {
		const char *text, *ip;
		uint16_t port;
	} right[] = {
	        {"10.0.1.11", "10.0.1.11", 0},
	        {"10.0.1.11:80", "10.0.1.11", 80},
	        {"10.0.1.11:65535", "10.0.1.11", 65535},
	        {"fd00::11", "fd00::11", 0},
	        {"[fd00::11]", "fd00::11", 0},
	        {"[fd00::11]:1", "fd00::11", 1},
	};
	static const char *const wrong[] = {"", ":", ":80", "[]", "[]:80", "[fd00::11", "fd00::11]",
	        "[fd00::11]80", "[fd00::11]:", "[10.0.0.1]:80", "10.0.0.1:", "10.0.0.1:0",
	        "10.0.0.1:65536", "10.0.0.1:080", "10.0.0.1:+80", "10.0.0.1:8 0",
	        "10.0.0.1:99999999999", "[[fd00::1]]:80", "host:80",
	        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80"};
	char text[INET6_ADDRSTRLEN];
	struct lb_ip ip;
	uint16_t port;

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(cp_target_parse(right[i].text, &ip, &port), 0);
		cp_ip_format(&ip, text, sizeof(text));
		assert_string_equal(text, right[i].ip);
		assert_int_equal(port, right[i].port);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (cp_target_parse(wrong[i], &ip, &port) == 0)
			fail_msg("'%s' is taken for a target", wrong[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(wrong_zone_names_are_refused),
	        TEST(there_are_sixteen_zones_at_most),
	        TEST(wrong_subnets_are_refused),
	        TEST(the_longest_prefix_tells_the_subnet),
	        TEST(free_addresses_are_the_lowest_and_never_reserved),
	        cmocka_unit_test(addresses_read_and_write_alike),
	        cmocka_unit_test(only_unicast_addresses_are_hosts),
	        cmocka_unit_test(targets_read_with_and_without_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
