/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Feeds a fuzz target each file of the directories that are named, so that every input that was
 * ever found is tried again wherever the tests run, with any compiler.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

#define INPUT_ROOM (1u << 20)

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *read_in, *input;
	size_t size;

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	read_in = malloc(INPUT_ROOM);
	size = read_in == NULL ? 0 : fread(read_in, 1, INPUT_ROOM, file);
	fclose(file);
	/* exactly as long as the input, so that a sanitizer sees the first byte read past it */
	input = malloc(size > 0 ? size : 1);
	if (read_in == NULL || input == NULL) {
		fprintf(stderr, "%s: out of memory\n", path);
		exit(2);
	}
	memcpy(input, read_in, size);
	free(read_in);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
	return 0;
}

/* How many inputs of a directory were replayed, or -1. */
static int replay_directory(const char *directory)
{
	struct dirent **entries;
	int nb = scandir(directory, &entries, NULL, alphasort);
	int replayed = 0, failed = 0;

	if (nb < 0) {
		fprintf(stderr, "%s: %s\n", directory, strerror(errno));
		return -1;
	}
	for (int i = 0; i < nb; i++) {
		char path[PATH_MAX];

		if (entries[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
			if (replay_file(path) == 0)
				replayed++;
			else
				failed++;
		}
		free(entries[i]);
	}
	free(entries);
	return failed > 0 ? -1 : replayed;
}

int main(int argc, char **argv)
{
	int total = 0;

	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		int nb = replay_directory(argv[i]);

		if (nb < 0)
			return 1;
		total += nb;
	}
	printf("%d inputs replayed\n", total);
	if (total == 0)
		fprintf(stderr, "usage: %s DIRECTORY ...   (none of them held an input)\n",
		        argv[0]);
	return total == 0;
}
