/* The driver of the fuzz targets where libFuzzer is not: runs each file of the given folders through the target
 * once, so that seeds and past crashers are ordinary tests. Fails when there was no file at all. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t len = 0;
	size_t cap = 0;
	size_t got;

	if (!f) {
		perror(path);
		return -1;
	}
	do {
		if (len == cap) {
			cap = cap ? cap * 2 : 65536;
			data = realloc(data, cap);
			if (!data)
				abort();
		}
		got = fread(data + len, 1, cap - len, f);
		len += got;
	} while (got);
	(void)fclose(f);
	/* An allocation of the exact size lets the sanitizer see the first byte too far. */
	uint8_t *exact = malloc(len ? len : 1);

	if (!exact)
		abort();
	for (size_t i = 0; i < len; i++)
		exact[i] = data[i];
	free(data);
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *entry;

		if (!dir) {
			perror(argv[i]);
			return 1;
		}
		while ((entry = readdir(dir))) {
			char path[4096];

			if (entry->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			if (replay_file(path))
				return 1;
			files++;
		}
		(void)closedir(dir);
	}
	printf("%u inputs replayed\n", files);
	return files ? 0 : 1;
}
