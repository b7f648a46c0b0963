/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A directory of a test's own, gone after it.
 */
#ifndef TEMP_DIR_H
#define TEMP_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct temp_dir {
	char path[64];
	char file[96]; /* of the database in it */
};

static inline int temp_dir_make(struct temp_dir *dir)
{
	snprintf(dir->path, sizeof(dir->path), "/tmp/anabranch-test-XXXXXX");
	if (!mkdtemp(dir->path))
		return -1;
	snprintf(dir->file, sizeof(dir->file), "%s/anabranch.db", dir->path);
	return 0;
}

static inline int temp_dir_remove_entry(
        const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void temp_dir_remove(const struct temp_dir *dir)
{
	nftw(dir->path, temp_dir_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
