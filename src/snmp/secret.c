#include "snmp/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096

/* Of the bytes only the first line counts. */
static int take(const char *from, size_t len, const char *where, struct weir_secret *ret_secret, struct weir_error *err)
{
	const char *newline = memchr(from, '\n', len);

	if (newline)
		len = (size_t)(newline - from);
	while (len && isspace((unsigned char)from[len - 1]))
		len--;
	while (len && isspace((unsigned char)*from)) {
		from++;
		len--;
	}
	if (!len || len > WEIR_SECRET_MAX)
		return weir_error_set(err, -EINVAL, where, "write the community or password there, alone on the first line",
				      len ? "the secret is longer than %d bytes" : "there is no secret in it", WEIR_SECRET_MAX);
	memcpy(ret_secret->text, from, len);
	ret_secret->text[len] = '\0';
	ret_secret->len = len;
	return 0;
}

static int read_open(int fd, const char *path, struct weir_secret *ret_secret, struct weir_error *err)
{
	char text[FILE_MAX];
	struct stat st;
	ssize_t n;
	int rc;

	if (fstat(fd, &st) == 0 && st.st_mode & (S_IROTH | S_IWOTH))
		return weir_error_set(err, -EACCES, path, "chmod o= it, and give it to the user that weir runs as",
				      "everybody may read this secret");
	n = read(fd, text, sizeof(text));
	rc = n < 0 ? weir_error_set(err, -errno, path, NULL, "cannot be read: %s", strerror(errno))
		   : take(text, (size_t)n, path, ret_secret, err);
	explicit_bzero(text, sizeof(text));
	return rc;
}

int weir_secret_read_file(const char *path, struct weir_secret *ret_secret, struct weir_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0)
		return weir_error_set(err, -errno, path, "make it, readable for the user that weir runs as, with the secret alone in it",
				      "the secret's file cannot be opened: %s", strerror(errno));
	rc = read_open(fd, path, ret_secret, err);
	(void)close(fd);
	return rc;
}

int weir_secret_read_environment(const char *name, struct weir_secret *ret_secret, struct weir_error *err)
{
	const char *value = getenv(name);

	if (!value)
		return weir_error_set(err, -ENOENT, name, "set it where weir is started", "there is no such variable in the environment");
	return take(value, strlen(value), name, ret_secret, err);
}

void weir_secret_done(struct weir_secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
}
