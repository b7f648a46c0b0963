/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Attaching the steering program, so that it outlives this process and the next start finds it.
 *
 * The program is always this binary's: over a pinned link it replaces the one that an earlier start
 * left, in one step, and the maps, being pinned, pass over with what they hold. The socket map is
 * each program's own: the sockets died with the process that had them.
 */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>

#include "bpf/steer.h"
#include "bpf/steer.skel.h"
#include "log.h"
#include "steer.h"
#include "steer_path.h"

struct text {
	char *at;
	size_t size;
};

static int refuse(struct text error, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int refuse(struct text error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error.at, error.size, format, args);
	va_end(args);
	return code;
}

/* libbpf's own words: where something is refused, the text above them says what matters. */
static int log_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];

	(void)level;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	dp_log_debug("%s", text);
	return 0;
}

static bool other_mount_namespace(const char *process)
{
	struct stat ours, theirs;

	return stat("/proc/self/ns/mnt", &ours) == 0 && stat(process, &theirs) == 0 &&
	       ours.st_ino != theirs.st_ino;
}

/* Whether a mount made here is seen by the next start: not in a mount namespace that ends with us,
 * as 'ip netns exec' and units make them. Process 1 can't always be looked at; the parent can. */
static bool mounts_last(void)
{
	char parent[48];

	snprintf(parent, sizeof(parent), "/proc/%d/ns/mnt", (int)getppid());
	return !other_mount_namespace("/proc/1/ns/mnt") && !other_mount_namespace(parent);
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int ensure_bpffs(const char *bpffs, struct text error)
{
	if (is_bpffs(bpffs))
		return 0;
	if (!mounts_last())
		return refuse(error, -ENODEV,
		        "%s: no bpffs here, and one mounted from this mount namespace would vanish "
		        "with it, and the steering program with that: mount it outside first, or "
		        "start with 'nsenter --net=/run/netns/NAME' instead of 'ip netns exec'",
		        bpffs);
	if (mkdir(bpffs, 0700) != 0 && errno != EEXIST)
		return refuse(error, -errno, "%s: can't make the directory for bpffs: %s", bpffs,
		        strerror(errno));
	if (mount("bpf", bpffs, "bpf", 0, "mode=0700") != 0)
		return refuse(error, -errno, "%s: can't mount bpffs: %s; it needs CAP_SYS_ADMIN",
		        bpffs, strerror(errno));
	return 0;
}

static int ensure_directories(const struct dp_steer_paths *paths, struct text error)
{
	const char *const dirs[] = {paths->top, paths->instance, paths->ports, paths->maps};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (mkdir(dirs[i], 0700) != 0 && errno != EEXIST)
			return refuse(error, -errno, "%s: can't make the directory: %s", dirs[i],
			        strerror(errno));
	}
	return 0;
}

/* A pinned map of another shape is an older release's: it is replaced, empty. The guard stands in
 * until the first generation fills it. */
static int drop_foreign_map(const struct bpf_map *map, const char *path)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	bool fits;
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	fits = bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
	close(fd);
	return fits || unlink(path) == 0 ? 0 : -errno;
}

static int pin_maps(struct steer_bpf *skel, const struct dp_steer_paths *paths, struct text error)
{
	struct bpf_map *const maps[] = {skel->maps.vips, skel->maps.locals, skel->maps.targets};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		char path[DP_STEER_PATH];
		int ret;

		dp_steer_map_path(paths, bpf_map__name(maps[i]), path);
		ret = drop_foreign_map(maps[i], path);
		if (ret == 0)
			ret = bpf_map__set_pin_path(maps[i], path);
		if (ret != 0)
			return refuse(error, ret, "%s: can't use the pinned map: %s", path,
			        strerror(-ret));
	}
	return 0;
}

static int load(struct steer_bpf **skel, const struct dp_steer_paths *paths, struct text error)
{
	int ret;

	*skel = steer_bpf__open();
	if (*skel == NULL)
		return refuse(
		        error, -errno, "can't open the steering program: %s", strerror(errno));
	ret = pin_maps(*skel, paths, error);
	if (ret == 0) {
		ret = steer_bpf__load(*skel);
		if (ret != 0)
			refuse(error, ret,
			        "the kernel refuses the steering program: %s; it needs Linux 5.18, "
			        "CAP_BPF and CAP_NET_ADMIN",
			        strerror(-ret));
	}
	if (ret != 0)
		steer_bpf__destroy(*skel);
	return ret;
}

/* What a pinned link is worth for the interface. */
enum pin { PIN_NONE, PIN_DEAD, PIN_OURS, PIN_ELSEWHERE };

static enum pin judge_pin(int fd, uint32_t ifindex)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info), attached = 0;

	if (fd < 0)
		return PIN_NONE;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0 || info.type != BPF_LINK_TYPE_XDP ||
	        info.xdp.ifindex == 0)
		return PIN_DEAD;
	if (info.xdp.ifindex == ifindex && bpf_xdp_query_id((int)ifindex, 0, &attached) == 0 &&
	        attached == info.prog_id)
		return PIN_OURS;
	return PIN_ELSEWHERE;
}

static int attach_new(
        int program, const char *interface, uint32_t ifindex, const char *path, struct text error)
{
	int link = bpf_link_create(program, (int)ifindex, BPF_XDP, NULL);
	int ret;

	if (link < 0)
		return refuse(error, -errno,
		        "%s: can't attach the steering program: %s; no other XDP program may be on "
		        "the interface ('ip link set dev %s xdp off'), and its MTU must leave room "
		        "for XDP (at most about 3500)",
		        interface, strerror(errno), interface);
	ret = bpf_obj_pin(link, path) == 0 ? 0 : -errno;
	if (ret != 0)
		refuse(error, ret, "%s: can't pin the steering program: %s", path, strerror(-ret));
	close(link);
	return ret;
}

static int attach(
        int program, const char *interface, uint32_t ifindex, const char *path, struct text error)
{
	int link = bpf_obj_get(path);
	enum pin pin = judge_pin(link, ifindex);
	int ret = 0;

	if (pin == PIN_ELSEWHERE)
		ret = refuse(error, -EBUSY,
		        "%s: this steering program is attached to another interface, or in another "
		        "network namespace: give each instance its own name, or remove the file",
		        path);
	else if (pin == PIN_OURS && bpf_link_update(link, program, NULL) != 0)
		ret = refuse(error, -errno, "%s: can't replace the steering program: %s", interface,
		        strerror(errno));
	else if (pin == PIN_DEAD && unlink(path) != 0)
		ret = refuse(error, -errno,
		        "%s: can't remove the pin of an interface that is gone: %s", path,
		        strerror(errno));
	if (link >= 0)
		close(link);
	if (ret == 0 && pin != PIN_OURS)
		ret = attach_new(program, interface, ifindex, path, error);
	return ret;
}

int dp_steer_attach(const char *interface, const char *instance, const char *bpffs, char *error,
        size_t error_size)
{
	struct text text = {error, error_size};
	struct dp_steer_paths paths;
	struct steer_bpf *skel;
	char path[DP_STEER_PATH];
	uint32_t ifindex = if_nametoindex(interface);
	int ret;

	libbpf_set_print(log_libbpf);
	if (ifindex == 0)
		return refuse(text, -ENODEV, "%s: no such interface in this network namespace",
		        interface);
	if (dp_steer_paths(&paths, instance, bpffs) != 0)
		return refuse(text, -EINVAL,
		        "instance '%s': its name must be 1 to %d letters, digits, '_' or '-', and "
		        "bpffs '%s' an absolute path of at most %d bytes",
		        instance, LB_INSTANCE_LEN - 1, bpffs, DP_STEER_BPFFS_MAX);
	ret = ensure_bpffs(bpffs, text);
	if (ret == 0)
		ret = ensure_directories(&paths, text);
	if (ret == 0)
		ret = load(&skel, &paths, text);
	if (ret != 0)
		return ret;
	dp_steer_port_path(&paths, interface, path);
	ret = attach(bpf_program__fd(skel->progs.xsk_def_prog), interface, ifindex, path, text);
	steer_bpf__destroy(skel);
	return ret;
}

int dp_steer_detach(const char *interface, const char *instance, const char *bpffs)
{
	struct dp_steer_paths paths;
	char path[DP_STEER_PATH];

	if (dp_steer_paths(&paths, instance, bpffs) != 0)
		return -EINVAL;
	dp_steer_port_path(&paths, interface, path);
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}
